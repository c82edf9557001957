import type { SourceTimeline } from "../../channel/playout/index.ts";
import type { RecordTimeline } from "./record-timeline.ts";

/** A medium's own clock is used unchanged while it is within this of the reports, ms. */
const TOLERANCE_MS = 8;
/** A correction ends when it is this close, ms. */
const SETTLED_MS = 1;
/** Corrections change time by at most this share: 2 ms in a second are not noticeable. */
const SLEW = 0.002;
/** Beyond this it is not drift but another time base, ms. */
const JUMP_MS = 1_000;

/**
 * Presentation times of one source for a file: frames keep the distances that their own clock gives them, and follow
 * the channel's time, which keeps tracks in lip-sync, too slowly to be noticed.
 */
export class SteadyClock {
  readonly #timeline: RecordTimeline;
  readonly #source: SourceTimeline;
  #offsetMs: number | undefined;
  #newestMs = 0;
  #isCorrecting = false;

  constructor(timeline: RecordTimeline, source: SourceTimeline) {
    this.#timeline = timeline;
    this.#source = source;
  }

  /** True once the publisher has reported how its tracks relate, so that times need no later correction. */
  get isSynchronised(): boolean {
    return this.#source.senderOffsetMs !== undefined;
  }

  /** True once presentation times are known. */
  knows(ticks: number): boolean {
    return this.#timeline.mediaMsOf(this.#source, ticks) !== undefined;
  }

  /**
   * When a frame is presented, ms of the channel's time; undefined before the first report. `"jumped"` when the source
   * has another time base: the clock then starts over with the same frame.
   */
  at(ticks: number): number | "jumped" | undefined {
    const wanted = this.#timeline.mediaMsOf(this.#source, ticks);
    if (wanted === undefined) return undefined;
    const own = this.#source.msOf(ticks);
    const target = wanted - own;
    if (this.#offsetMs === undefined) {
      this.#offsetMs = target;
      this.#newestMs = own;
      return own + target;
    }
    if (Math.abs(target - this.#offsetMs) > JUMP_MS) {
      this.#offsetMs = undefined;
      return "jumped";
    }
    const passed = Math.max(0, own - this.#newestMs);
    this.#newestMs = Math.max(this.#newestMs, own);
    const error = target - this.#offsetMs;
    if (Math.abs(error) > TOLERANCE_MS) this.#isCorrecting = true;
    if (Math.abs(error) <= SETTLED_MS) this.#isCorrecting = false;
    const most = this.#isCorrecting ? passed * SLEW : 0;
    this.#offsetMs += Math.min(most, Math.max(-most, error));
    return own + this.#offsetMs;
  }
}
