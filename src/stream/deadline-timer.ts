import type { Cancel, Clock } from "../base/index.ts";

/**
 * A deadline that is often postponed: its timer is only set again when it expires, or when the deadline is earlier than
 * it.
 */
export class DeadlineTimer {
  /** When `due` is called, on the clock, ms. Takes effect at the next {@link arm}. */
  deadline = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;
  readonly #name: string;
  /** The timer has expired: `isDue` says whether the deadline has as well. */
  readonly #expired: (isDue: boolean) => void;
  #cancel: Cancel | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, name: string, expired: (isDue: boolean) => void) {
    this.#clock = clock;
    this.#name = name;
    this.#expired = expired;
  }

  /** Makes sure that a timer expires at the deadline or before. */
  arm(): void {
    if (this.deadline >= this.#timerAt) return;
    this.#cancel?.();
    this.#timerAt = this.deadline;
    const leftMs = Math.max(0, this.deadline - this.#clock.now());
    this.#cancel = this.#clock.after(this.#name, leftMs, () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#cancel = undefined;
      this.#expired(this.#clock.now() >= this.deadline);
    });
  }

  cancel(): void {
    this.#cancel?.();
  }
}
