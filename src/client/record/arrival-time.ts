import type { Clock } from "../../base/index.ts";

/**
 * Time that stands still while nothing arrives: what is missing may be on its way for as long as its site is silent.
 * Patience that is measured by it ends only when later packets have come.
 */
export class ArrivalTime {
  readonly #clock: Pick<Clock, "now">;
  readonly #silenceMs: number;
  /** When something arrived last, by the clock, ms. */
  #arrivedAt: number;
  /** How long it stood still before that, ms. */
  #stoodMs = 0;

  /** @param silenceMs it goes on for this long after each arrival */
  constructor(clock: Pick<Clock, "now">, silenceMs: number) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#arrivedAt = clock.now();
  }

  /** Something has arrived. */
  arrived(): void {
    const now = this.#clock.now();
    this.#stoodMs += Math.max(0, now - this.#arrivedAt - this.#silenceMs);
    this.#arrivedAt = now;
  }

  /** ms, monotonic; at most the time that has passed. */
  now(): number {
    return Math.min(this.#clock.now(), this.#arrivedAt + this.#silenceMs) - this.#stoodMs;
  }
}
