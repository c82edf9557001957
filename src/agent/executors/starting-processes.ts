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

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more may be started for an owner. */
  mayStart(owner: string): boolean {
    const own = this.#counts.get(owner) ?? 0;
    return this.#count < LIMITS.processStartsMax && own < LIMITS.ownerProcessStartsMax;
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
    const own = (this.#counts.get(owner) ?? 0) + by;
    if (own === 0) this.#counts.delete(owner);
    else this.#counts.set(owner, own);
  }
}
