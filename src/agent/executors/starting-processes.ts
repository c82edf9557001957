import { type Clock, LIMITS } from "../../base/index.ts";

/** One counts no longer than this, ms: what takes longer is its agent's code. */
const STARTING_MS_MAX = 1_000;

/**
 * The processes that are being started, so many at once and of one owner: each takes a part of a processor, and the
 * site stands still while the system makes it.
 */
export class StartingProcesses {
  readonly #clock: Clock;
  /** By owner. */
  readonly #counts = new Map<string, number>();
  #count = 0;
  /** Agents that wait for one, by owner. */
  readonly #waits = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more may be started for an owner. */
  mayStart(owner: string): boolean {
    const own = this.#counts.get(owner) ?? 0;
    return this.#count < LIMITS.processStartsMax && own < LIMITS.ownerProcessStartsMax;
  }

  /** Whether one more agent of an owner may wait for its turn. */
  mayWait(owner: string): boolean {
    return (this.#waits.get(owner) ?? 0) < LIMITS.ownerProcessWaitsMax;
  }

  /** Counts an agent as one that waits, until then. */
  async waiting(owner: string, until: Promise<void>): Promise<void> {
    add(this.#waits, owner, 1);
    try {
      await until;
    } finally {
      add(this.#waits, owner, -1);
    }
  }

  /** Counts one as long as its first agent is being started. */
  async during<T>(owner: string, started: Promise<T>): Promise<T> {
    this.#add(owner, 1);
    let isOver = false;
    const end = (): void => {
      if (!isOver) this.#add(owner, -1);
      isOver = true;
    };
    const cancel = this.#clock.after("process starts", STARTING_MS_MAX, end);
    try {
      return await started;
    } finally {
      cancel();
      end();
    }
  }

  #add(owner: string, by: number): void {
    this.#count += by;
    add(this.#counts, owner, by);
  }
}

function add(counts: Map<string, number>, owner: string, by: number): void {
  const count = (counts.get(owner) ?? 0) + by;
  if (count === 0) counts.delete(owner);
  else counts.set(owner, count);
}
