import type { Clock } from "./clock.ts";

/** How much, and how often. */
export interface Rate {
  /** Per second, for ever. Above 0. */
  readonly perSecond: number;
  /** At once, after a silence. At least 1. */
  readonly burst: number;
}

/**
 * A rate that one asker may have: tokens come back at `perSecond`, up to `burst` of them. What takes more than there is
 * is either refused ({@link take}) or put off ({@link owe}).
 */
export class TokenBucket {
  readonly #clock: Pick<Clock, "now">;
  readonly #rate: Rate;
  /** Below 0: owed. */
  #tokens: number;
  /** When {@link #tokens} was right, ms. */
  #at: number;

  constructor(clock: Pick<Clock, "now">, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = clock.now();
  }

  /** Takes tokens if all of them are there. */
  take(count = 1): boolean {
    this.#refill();
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /**
   * Takes tokens, also those that are not there yet. How long until they are, ms; 0: they are.
   *
   * @param mostMs what is owed beyond it is forgotten
   */
  owe(count = 1, mostMs: number = Number.POSITIVE_INFINITY): number {
    this.#refill();
    const least = -this.#rate.perSecond * (mostMs / 1_000);
    this.#tokens = Math.max(least, this.#tokens - count);
    return this.#msOf(-this.#tokens);
  }

  /** Gives back tokens that were taken for nothing. */
  giveBack(count = 1): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + count);
  }

  /** How long until so many tokens are there, ms. */
  waitMs(count = 1): number {
    this.#refill();
    return this.#msOf(count - this.#tokens);
  }

  /** Whether it is as full as at the start: nothing is lost when it is forgotten. */
  get isFull(): boolean {
    this.#refill();
    return this.#tokens >= this.#rate.burst;
  }

  #msOf(missing: number): number {
    return missing <= 0 ? 0 : (missing / this.#rate.perSecond) * 1_000;
  }

  #refill(): void {
    const now = this.#clock.now();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
  }
}
