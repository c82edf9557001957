/** Round trips remembered. */
const KEPT = 16;

/**
 * The last round trips to a peer; the fastest shows best how the clocks relate. [W25]
 *
 * Kept as numbers in two arrays, since there are thousands of peers.
 */
export class RoundTrips {
  readonly #tripsMs: number[] = [];
  readonly #offsetsMs: number[] = [];
  #next = 0;

  /** Fastest of the last ones, ms; undefined before the first. */
  get fastestMs(): number | undefined {
    return this.#tripsMs[this.#fastest];
  }

  /** The clock offset measured by the fastest, ms. */
  get offsetMs(): number | undefined {
    return this.#offsetsMs[this.#fastest];
  }

  add(tripMs: number, offsetMs: number): void {
    this.#tripsMs[this.#next] = tripMs;
    this.#offsetsMs[this.#next] = offsetMs;
    this.#next = (this.#next + 1) % KEPT;
  }

  clear(): void {
    this.#tripsMs.length = this.#offsetsMs.length = this.#next = 0;
  }

  get #fastest(): number {
    let fastest = 0;
    for (let index = 1; index < this.#tripsMs.length; index++) {
      if ((this.#tripsMs[index] as number) < (this.#tripsMs[fastest] as number)) fastest = index;
    }
    return fastest;
  }
}
