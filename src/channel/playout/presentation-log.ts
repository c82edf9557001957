/** A gap between two pictures counts as a freeze beyond this many frame intervals … */
const FREEZE_INTERVALS = 3;
/** … and beyond this, ms: less is not visible. */
const FREEZE_MS = 150;
/** Media time may pause or jump between sources; such steps do not count for the frame rate, ms. */
const INTERVAL_MS_MAX = 1_000;
const SMOOTHING = 0.1;

/** Records when pictures were shown, and when they should have been but were not. */
export class PresentationLog {
  #count = 0;
  #freezes = 0;
  #longestGapMs = 0;
  #frameIntervalMs = 40;
  #last: { readonly at: number; readonly mediaMs: number } | undefined;

  /** A picture of media time `mediaMs` was shown at `nowMs`. */
  presented(nowMs: number, mediaMs: number): void {
    const last = this.#last;
    this.#last = { at: nowMs, mediaMs };
    this.#count++;
    if (last === undefined) return;
    const gapMs = nowMs - last.at;
    this.#longestGapMs = Math.max(this.#longestGapMs, gapMs);
    if (gapMs > Math.max(FREEZE_INTERVALS * this.#frameIntervalMs, FREEZE_MS)) this.#freezes++;
    const stepMs = mediaMs - last.mediaMs;
    if (stepMs > 0 && stepMs < INTERVAL_MS_MAX) {
      this.#frameIntervalMs += (stepMs - this.#frameIntervalMs) * SMOOTHING;
    }
  }

  /** The program stood still until now: the gap before the next picture does not count. */
  interrupt(): void {
    this.#last = undefined;
  }

  /** Pictures shown. */
  get count(): number {
    return this.#count;
  }

  /** Gaps longer than three frame intervals and 150 ms. */
  get freezes(): number {
    return this.#freezes;
  }

  /** Longest time between two pictures, ms; 0 before the second. */
  get longestGapMs(): number {
    return this.#longestGapMs;
  }

  /** Usual media time from one picture to the next, ms; 40 until known. */
  get frameIntervalMs(): number {
    return this.#frameIntervalMs;
  }
}
