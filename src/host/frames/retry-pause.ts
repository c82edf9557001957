import { LIMITS, type Random } from "../../base/index.ts";

/**
 * Pauses between attempts: they double from `LIMITS.reconnectMsMin` to `LIMITS.reconnectMsMax`, each between half of
 * itself and all of it.
 */
export class RetryPause {
  readonly #random: Random;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Attempts in a row that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** The pause after one more failure, ms. */
  next(): number {
    const longest = Math.min(LIMITS.reconnectMsMax, LIMITS.reconnectMsMin * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return longest * (0.5 + this.#random.float() / 2);
  }

  /** The peer was heard. */
  reset(): void {
    this.#failures = 0;
  }
}
