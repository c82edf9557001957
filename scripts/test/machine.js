import { readFileSync } from "node:fs";

/** Above this share of the processors' time, the host of this machine was busy with others. */
export const STOLEN_MAX = 0.02;

/** Processor time of this machine in ticks since it was started. Linux; elsewhere zeros. */
function readTicks() {
  try {
    const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
    const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
    const all = ticks.reduce((sum, each) => sum + each, 0);
    return { all, idle: ticks[3] + ticks[4], stolen: ticks[7] };
  } catch {
    return { all: 0, idle: 0, stolen: 0 };
  }
}

/** Watches how quiet the machine is from now on. */
export function watchMachine() {
  const start = readTicks();
  return {
    /** Shares of the processors' time since then, 0..1: that the host gave to others, and that no process used. */
    shares() {
      const now = readTicks();
      const all = Math.max(1, now.all - start.all);
      return { stolen: (now.stolen - start.stolen) / all, idle: (now.idle - start.idle) / all };
    },
  };
}
