import { serialDistance } from "../../../base/index.ts";
import type { MediaClock } from "./media-clock.ts";

/** A relation that has moved by this much is reported before the next packet, ms … */
const MOVED_MS = 15;
/** … but not sooner after the last report, ms … */
const PERIOD_MS_MIN = 100;
/** … unless it has moved by this much, ms, or the time base is another one. */
const MOVED_FAR_MS = 100;

/** When receivers have to be told, besides every second, how a source's timestamps relate to our clock. */
export class ReportSchedule {
  readonly #msPerTick: number;
  #reported:
    | { readonly ingestMs: number; readonly timestamp: number; readonly base: number }
    | undefined;
  #at = 0;

  /** @param clockRate RTP ticks per second */
  constructor(clockRate: number) {
    this.#msPerTick = 1000 / clockRate;
  }

  /** Whether a report is due before the packet that `clock` has noted last. @param now ms */
  isDue(clock: MediaClock, now: number): boolean {
    const { base, instant } = clock;
    if (instant === undefined) return false;
    const before = this.#reported;
    if (before === undefined || before.base !== base) return true;
    const ticks = serialDistance(before.timestamp, instant.rtpTimestamp, 32);
    const moved = Math.abs(instant.ingestMs - before.ingestMs - ticks * this.#msPerTick);
    return moved >= (now - this.#at < PERIOD_MS_MIN ? MOVED_FAR_MS : MOVED_MS);
  }

  /** The relation of `clock` was reported at `now` (ms). */
  reported({ base, instant }: MediaClock, now: number): void {
    if (instant === undefined) return;
    this.#reported = { ingestMs: instant.ingestMs, timestamp: instant.rtpTimestamp, base };
    this.#at = now;
  }
}
