import { readFileSync } from "node:fs";

/** Memory that a process has for itself: what is neither a file's nor shared, MiB. Undefined where it is not told. */
export function ownMemoryMb(pid: number, proc = "/proc"): number | undefined {
  return readKb(`${proc}/${pid}/status`, "RssAnon");
}

/** Its share of all memory, where what several processes use counts in parts, MiB. Undefined where it is not told. */
export function shareOfMemoryMb(pid: number, proc = "/proc"): number | undefined {
  return readKb(`${proc}/${pid}/smaps_rollup`, "Pss");
}

function readKb(file: string, field: string): number | undefined {
  try {
    const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(file, "utf8"))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}
