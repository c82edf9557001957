import type { Cancel, Clock } from "../../base/index.ts";

/** Running leases and their times. The caller bounds their number. */
export class Leases {
  readonly #clock: Clock;
  readonly #onEnded: (id: string) => void;
  readonly #running = new Map<string, { readonly ttlMs: number; cancel: Cancel }>();

  /** @param onEnded a lease has expired; it is no longer among the running ones */
  constructor(clock: Clock, onEnded: (id: string) => void) {
    this.#clock = clock;
    this.#onEnded = onEnded;
  }

  /** Leases that run now. */
  get count(): number {
    return this.#running.size;
  }

  has(id: string): boolean {
    return this.#running.has(id);
  }

  /** Starts or restarts the time of a lease. */
  start(id: string, ttlMs: number): void {
    this.stop(id);
    const cancel = this.#clock.after(`lease ${id}`, ttlMs, () => {
      this.#running.delete(id);
      this.#onEnded(id);
    });
    this.#running.set(id, { ttlMs, cancel });
  }

  /** Restarts the time of a running lease. False when it is not running. */
  renew(id: string): boolean {
    const lease = this.#running.get(id);
    if (lease !== undefined) this.start(id, lease.ttlMs);
    return lease !== undefined;
  }

  /** Ends a lease without a callback. Returns its time to live, ms; undefined when it is not running. */
  stop(id: string): number | undefined {
    const lease = this.#running.get(id);
    lease?.cancel();
    this.#running.delete(id);
    return lease?.ttlMs;
  }

  /** Ends all. */
  clear(): void {
    for (const id of [...this.#running.keys()]) this.stop(id);
  }
}
