import { readFileSync } from "node:fs";

/** Processor time of this machine, by what became of it: in ticks, since it was started. Linux; elsewhere zeros. */
function readTicks(): { readonly all: number; readonly stolen: number } {
  try {
    const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
    const ticks = line.trim().split(/\s+/).slice(1).map(Number);
    return { all: ticks.slice(0, 8).reduce((sum, each) => sum + each, 0), stolen: ticks[7] ?? 0 };
  } catch {
    return { all: 0, stolen: 0 };
  }
}

/** Watches how much processor time the host gives to other machines. */
export class StolenTime {
  readonly #start = readTicks();

  /** Share of the processors' time since this was made, 0..1. */
  get share(): number {
    const { all, stolen } = readTicks();
    return (stolen - this.#start.stolen) / Math.max(1, all - this.#start.all);
  }
}
