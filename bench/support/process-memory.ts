import { readFileSync } from "node:fs";

/** Memory of another process that is resident, MiB; what it shares with others counts in full. Linux. */
export function processRssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}
