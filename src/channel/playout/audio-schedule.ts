/** Audio that is off by more than this is moved at once, s. Less is not noticed. */
const DRIFT_SECONDS_MAX = 0.04;
/** The audio clock is read in steps of a device buffer: one reading may be off, their mean is not. */
const SMOOTHING = 0.1;
/** A single reading this far off is not a reading error, s. */
const JUMP_SECONDS = 0.15;

/** When one decoded chunk is to be played. */
export interface AudioPlacement {
  /** Start, s on the audio clock. */
  readonly at: number;
  /** True: it does not follow the chunk before; what was scheduled from `at` on must be silenced. */
  readonly moved: boolean;
}

/**
 * Schedules decoded audio on the audio clock without gaps, and as a whole at the time of the playout clock.
 *
 * Chunks are placed by their media position relative to an anchor, so that one chunk joins the next to the sample; the
 * anchor moves when it has drifted by more than 40 ms.
 */
export class AudioSchedule {
  #anchor: { readonly at: number; readonly position: number } | undefined;
  #drift = 0;
  #resyncs = 0;

  /** How often audio was moved after its start. */
  get resyncs(): number {
    return this.#resyncs;
  }

  /**
   * Places a chunk; undefined when it is too late to be heard.
   *
   * @param chunk `position` of its first sample in the source's media time, s, exact; `wantedAt` where the playout
   *   clock wants it and `now`, both s on the audio clock
   */
  place(chunk: { position: number; wantedAt: number; now: number }): AudioPlacement | undefined {
    const { position, wantedAt, now } = chunk;
    const anchor = this.#anchor;
    if (anchor !== undefined) {
      const at = anchor.at + (position - anchor.position);
      const drift = wantedAt - at;
      this.#drift += (drift - this.#drift) * SMOOTHING;
      const off = Math.abs(this.#drift) > DRIFT_SECONDS_MAX || Math.abs(drift) > JUMP_SECONDS;
      if (!off && at >= now) return { at, moved: false };
    }
    if (wantedAt < now) return undefined;
    if (anchor !== undefined) this.#resyncs++;
    this.#anchor = { at: wantedAt, position };
    this.#drift = 0;
    return { at: wantedAt, moved: true };
  }

  /** Starts over: the next chunk sets a new anchor, without counting as a resync. */
  reset(): void {
    this.#anchor = undefined;
    this.#drift = 0;
  }
}
