import { serialDistance } from "../../../base/index.ts";

/** How long the fastest packet counts, ms: drift of 100 ppm makes 1 ms in that time. */
const WINDOW_MS = 10_000;
const BUCKET_MS = 1_000;
/** A packet this far from what was expected has a new time base, ms. */
const JUMP_MS = 2_000;

/** An RTP timestamp and the time of our clock that belongs to it. */
export interface MediaInstant {
  /** Our clock, ms. */
  readonly ingestMs: number;
  /** u32. */
  readonly rtpTimestamp: number;
}

/**
 * Maps RTP timestamps to our clock. The packet that arrived fastest within the last 10 s counts; the delay of the
 * others is jitter. Pauses and jumps of the timestamp start a new measurement.
 */
export class MediaClock {
  readonly #msPerTick: number;
  /** The newest timestamp, and the media time since the first, ms. */
  #timestamp = 0;
  #mediaMs = 0;
  /** Least (arrival - media time) for each second, oldest first. */
  #buckets: { since: number; offset: number }[] = [];

  /** @param clockRate RTP ticks per second */
  constructor(clockRate: number) {
    this.#msPerTick = 1000 / clockRate;
  }

  /** Notes a timestamp (u32) that arrived at `now` (ms). Timestamps may be out of order. */
  arrived(timestamp: number, now: number): void {
    const bucket = this.#buckets.at(-1);
    if (bucket === undefined) {
      this.#timestamp = timestamp;
      this.#buckets.push({ since: now, offset: now });
      return;
    }
    const isNew = now - bucket.since >= BUCKET_MS;
    // A later packet of the same instant was no faster.
    if (timestamp === this.#timestamp && !isNew) return;
    this.#mediaMs += serialDistance(this.#timestamp, timestamp, 32) * this.#msPerTick;
    this.#timestamp = timestamp;
    const offset = now - this.#mediaMs;
    if (Math.abs(offset - this.#offset()) > JUMP_MS) {
      this.#buckets = [{ since: now, offset }];
    } else if (isNew) {
      this.#buckets.push({ since: now, offset });
      while ((this.#buckets[0]?.since ?? now) <= now - WINDOW_MS) this.#buckets.shift();
    } else if (offset < bucket.offset) bucket.offset = offset;
  }

  /** When the newest timestamp was due. Undefined before the first packet. */
  get instant(): MediaInstant | undefined {
    if (this.#buckets.length === 0) return undefined;
    return { ingestMs: this.#mediaMs + this.#offset(), rtpTimestamp: this.#timestamp };
  }

  /** Infinity when nothing was measured. */
  #offset(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { offset } of this.#buckets) if (offset < least) least = offset;
    return least;
  }
}
