import { HANDLER_NAMES } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import type { KernelStep, TimedStep } from "./simulation.ts";

const KERNEL_STEPS = [
  "send",
  "receive",
  "control",
  "store",
  "load",
] as const satisfies readonly KernelStep[];
const TIMED_STEPS: readonly TimedStep[] = [...HANDLER_NAMES, ...KERNEL_STEPS];

/** Something that can be given an execution time. @throws {MeanderError} `simulation-invalid` */
export function checkStep(what: string, step: TimedStep): TimedStep {
  if (TIMED_STEPS.includes(step)) return step;
  throw new MeanderError("simulation-invalid", `got ${JSON.stringify(step)}`, {
    where: what,
    expected: `one of ${TIMED_STEPS.join(", ")}`,
  });
}

/** A number in a range. @param what the call it is for @throws {MeanderError} `simulation-invalid` */
export function checkNumber(
  what: string,
  value: number,
  [least, most]: readonly [least: number, most: number],
): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw new MeanderError("simulation-invalid", `got ${String(value)}`, {
    where: what,
    expected:
      most === Number.POSITIVE_INFINITY
        ? `a number from ${least} on`
        : `a number from ${least} to ${most}`,
  });
}

/** Seconds as ms. @throws {MeanderError} `simulation-invalid` */
export function checkSeconds(what: string, seconds: number): number {
  return checkNumber(what, seconds, [0, 1e9]) * 1_000;
}

/** A percentage as a share of 1. @throws {MeanderError} `simulation-invalid` */
export function checkPercent(what: string, percent: number): number {
  return checkNumber(what, percent, [0, 100]) / 100;
}

/** A name of a machine or a site. @throws {MeanderError} `simulation-invalid` */
export function checkName(what: string, name: string): string {
  if (typeof name === "string" && /^[a-z][a-z0-9-]{0,39}$/.test(name)) return name;
  throw new MeanderError("simulation-invalid", `got ${JSON.stringify(name)}`, {
    where: what,
    expected: "1 to 40 of a-z, 0-9 and -, starting with a letter",
  });
}
