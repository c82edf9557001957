import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Of `/proc/PID/stat`; part of the kernel's interface (`USER_HZ`). */
const TICKS_PER_SECOND = 100;

/** True where {@link processCpuSeconds} can look into other processes. */
export const CAN_SEE_CPU = existsSync("/proc/self/stat");

/**
 * CPU time of another process and its threads so far, user and system, in seconds. Linux.
 *
 * Threads' `schedstat` counts nanoseconds; where the kernel lacks it, `stat` counts hundredths of a second. Threads
 * that ended are only in the latter: ask about processes that keep theirs.
 */
export function processCpuSeconds(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  if (existsSync(`${tasks}/${pid}/schedstat`)) {
    const nanoseconds = readdirSync(tasks).map((task) => {
      return Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ", 1)[0]);
    });
    return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e9;
  }
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything; utime and stime are the 12th and 13th fields behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
