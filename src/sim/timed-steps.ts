import { HANDLER_NAMES } from "../agent/index.ts";
import type { KernelStep, TimedStep } from "./simulation.ts";

const KERNEL_STEPS = [
  "send",
  "receive",
  "control",
  "store",
  "load",
] as const satisfies readonly KernelStep[];

/** Everything that can be given an execution time. */
export const TIMED_STEPS: readonly TimedStep[] = [...HANDLER_NAMES, ...KERNEL_STEPS];
