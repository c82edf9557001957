import type { Clock } from "../../base/index.ts";

/**
 * Whether a channel is needed here: kept by configuration, or subscribed to, or left by its last subscriber a moment
 * ago.
 */
export class Demand {
  readonly #clock: Pick<Clock, "now">;
  readonly #lingerMs: number;
  #at = Number.NEGATIVE_INFINITY;

  /** @param lingerMs how long demand lasts after the last subscriber left */
  constructor(clock: Pick<Clock, "now">, lingerMs: number) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /** There is demand now. */
  note(): void {
    this.#at = this.#clock.now();
  }

  get isRecent(): boolean {
    return this.#clock.now() - this.#at < this.#lingerMs;
  }
}
