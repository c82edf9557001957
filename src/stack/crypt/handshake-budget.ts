/**
 * A budget of hellos and answers to verify: a number per second, and as many at once after a pause. Verifying one costs
 * several hashes, and anyone can send one.
 */
export class HandshakeBudget {
  readonly #perSecond: number;
  #left: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** True when one more may be looked at. @param nowMs never goes back */
  take(nowMs: number): boolean {
    const gained = ((nowMs - this.#at) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond, this.#left + gained);
    this.#at = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
