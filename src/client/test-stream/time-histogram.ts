/** Times up to here are told apart by {@link STEP_MS}, ms. */
const MOST_MS = 10_000;
const STEP_MS = 0.1;

/** The distribution of times, in constant memory: exact to 0.1 ms up to 10 s. */
export class TimeHistogram {
  readonly #counts = new Uint32Array(MOST_MS / STEP_MS + 1);
  #count = 0;
  #most = 0;

  /** @param ms below 0 counts as 0 */
  add(ms: number): void {
    const index = Math.min(this.#counts.length - 1, Math.max(0, Math.round(ms / STEP_MS)));
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count++;
    this.#most = Math.max(this.#most, ms);
  }

  /** The longest; undefined of none. */
  get max(): number | undefined {
    return this.#count === 0 ? undefined : this.#most;
  }

  /** The time that this share of them does not exceed, ms; undefined of none. @param share 0..1 */
  quantile(share: number): number | undefined {
    if (this.#count === 0) return undefined;
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let below = 0;
    for (let index = 0; index < this.#counts.length - 1; index++) {
      below += this.#counts[index] as number;
      if (below >= wanted) return Math.min(this.#most, Number((index * STEP_MS).toFixed(1)));
    }
    return this.#most;
  }
}
