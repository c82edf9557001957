import type { Clock } from "../../base/index.ts";
import { SlidingMinimum } from "../../channel/playout/index.ts";

/**
 * The clocks' difference is taken from what was read within this, ms: long enough to be exact, and no longer, since a
 * clock that is being adjusted may gain half a millisecond a second.
 */
const WINDOW_MS = 2_000;

/**
 * The time of day with fractions of a millisecond. A wall clock is read in whole ones, rounded down; of many readings
 * beside the monotonic clock, the one that was rounded least tells the rest.
 */
export class FineWall {
  readonly #clock: Clock;
  /** Monotonic time minus the time of day. */
  readonly #behind = new SlidingMinimum(WINDOW_MS);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ms since 1970. Each call makes the next more exact. */
  read(): number {
    const now = this.#clock.now();
    const behind = now - this.#clock.wall();
    this.#behind.add(behind, now);
    return now - (this.#behind.value(now) ?? behind);
  }
}
