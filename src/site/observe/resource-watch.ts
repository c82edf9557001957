import { LIMITS, type Log } from "../../base/index.ts";
import type { Usage } from "../../client/contract/index.ts";
import { formatBytes } from "../../view/index.ts";

/** Share of a limit at which a warning is logged, once, */
const WARN = 0.8;
/** at which the site is degraded, */
const DEGRADED = 0.9;
/** and below which the next warning is due again. */
const CALM = 0.7;

/** What is watched. */
export interface Resources {
  readonly descriptors: Usage | undefined;
  readonly memory: Usage;
  readonly heap: Usage;
}

const WORDS = {
  descriptors: {
    what: "descriptors",
    format: (count: number) => `${count}`,
    next: "raise the limit of open files (LimitNOFILE, ulimit -n), or have fewer viewers here",
  },
  memory: {
    what: "memory",
    format: formatBytes,
    next: "allow the site more memory (MemoryMax), or lower historyBytes of its channels",
  },
  heap: {
    what: "heap of the main thread",
    format: formatBytes,
    next: "start it with a larger --max-old-space-size, or move streams to other sites",
  },
} as const;

/**
 * Reports limits before they are reached: warns at 80 %, is a reason for `degraded` at 90 % and while viewers are
 * refused.
 */
export class ResourceWatch {
  readonly #log: Log;
  readonly #warned = new Set<string>();
  #reasons: readonly string[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** Why the site is degraded; empty: it is not. */
  get reasons(): readonly string[] {
    return this.#reasons;
  }

  /** Whether a warning was logged whose cause lasts. */
  get isNear(): boolean {
    return this.#warned.size > 0;
  }

  look(resources: Resources): void {
    const reasons: string[] = [];
    for (const name of ["descriptors", "memory", "heap"] as const) {
      const usage = resources[name];
      if (usage === undefined || usage.limit === null || usage.limit <= 0) continue;
      const share = usage.used / usage.limit;
      // With few descriptors viewers are refused long before nine of ten are in use.
      const isShort =
        name === "descriptors" && usage.limit - usage.used < LIMITS.descriptorsReserved;
      const { what, format, next } = WORDS[name];
      const text = `${what}: ${format(usage.used)} of ${format(usage.limit)} in use`;
      if (isShort) reasons.push(`${text}, viewers are refused`);
      else if (share >= DEGRADED) reasons.push(text);
      if (share < CALM && !isShort) this.#warned.delete(name);
      if ((share < WARN && !isShort) || this.#warned.has(name)) continue;
      this.#warned.add(name);
      this.#log.warn(`The site is running out of ${what}.`, { ...usage, next });
    }
    this.#reasons = reasons;
  }
}
