import type { Cancel, Clock } from "../../base/index.ts";

/** Leases that run, and their time. Bounded by whoever starts them. */
export class Leases {
  readonly #clock: Clock;
  readonly #onEnded: (id: string) => void;
  readonly #running = new Map<string, { readonly ttlMs: number; cancel: Cancel }>();

  /** @param onEnded a lease has run out; it is no longer among the running ones */
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

  /** Starts the time of a lease, for the first time or anew. */
  start(id: string, ttlMs: number): void {
    this.stop(id);
    const cancel = this.#clock.after(`lease ${id}`, ttlMs, () => {
      this.#running.delete(id);
      this.#onEnded(id);
    });
    this.#running.set(id, { ttlMs, cancel });
  }

  /** Starts the time of a running lease anew. False when it does not run. */
  renew(id: string): boolean {
    const lease = this.#running.get(id);
    if (lease !== undefined) this.start(id, lease.ttlMs);
    return lease !== undefined;
  }

  /** Ends a lease without calling anyone. Its time, ms; undefined when it does not run. */
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
