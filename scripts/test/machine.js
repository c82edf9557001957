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

/** Processor time that ended children of this process, and theirs, have used, s. Linux; elsewhere 0. */
export function childSeconds() {
  try {
    // proc(5): cutime and cstime are fields 16 and 17, in ticks of 10 ms; the second field, a name, may hold spaces.
    const fields = readFileSync("/proc/self/stat", "latin1").replace(/^.*\)/, "").trim().split(" ");
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return 0;
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
