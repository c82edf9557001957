import { readFileSync } from "node:fs";

/** Of a process, MiB; undefined when it is gone. Linux. */
export function residentMb(pid: number): number | undefined {
  try {
    const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}

/** Growth that still counts as flat: collectors have their tides. */
const SHARE_MAX = 1.25;
const SLACK_MB = 24;

/** Memory of one process over time. */
export class MemoryWatch {
  readonly #samples: number[] = [];

  sample(megabytes: number | undefined): void {
    if (megabytes !== undefined) this.#samples.push(megabytes);
  }

  get latestMb(): number {
    return Math.round(this.#samples.at(-1) ?? 0);
  }

  /** Medians of the second and of the last quarter: by the second everyone has come. */
  get verdict(): { readonly earlyMb: number; readonly lateMb: number; readonly flat: boolean } {
    const quarter = Math.floor(this.#samples.length / 4);
    const early = median(this.#samples.slice(quarter, 2 * quarter));
    const late = median(this.#samples.slice(3 * quarter));
    return {
      earlyMb: Math.round(early),
      lateMb: Math.round(late),
      flat: late <= early * SHARE_MAX + SLACK_MB,
    };
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
