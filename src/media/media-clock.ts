import { serialDistance } from "../base/index.ts";

/** How long the fastest packet counts, ms: drift of 100 ppm makes 1 ms in that time. */
const WINDOW_MS = 10_000;
const BUCKET_MS = 1_000;
/** A packet this far from what was expected has a new time base, ms. */
const JUMP_MS = 2_000;

/** A point at which media time and our clock meet. */
export interface MediaInstant {
  /** Our clock, ms. */
  readonly ingestMs: number;
  /** u32. */
  readonly rtpTimestamp: number;
}

/**
 * Where an RTP timestamp stands on our clock. The packet that came fastest within the last 10 s tells; the delay of the
 * others is jitter. Pauses and jumps of the timestamp start a new measurement.
 */
export class MediaClock {
  readonly #msPerTick: number;
  #newest: { timestamp: number; mediaMs: number } | undefined;
  /** Least (arrival - media time) for each second, oldest first. */
  #buckets: { since: number; offset: number }[] = [];

  /** @param clockRate RTP ticks per second */
  constructor(clockRate: number) {
    this.#msPerTick = 1000 / clockRate;
  }

  /** Takes a packet's timestamp (u32) that arrived at `now` (ms). Timestamps may go back and forth. */
  arrived(timestamp: number, now: number): void {
    const last = this.#newest;
    const steps = last === undefined ? 0 : serialDistance(last.timestamp, timestamp, 32);
    const mediaMs = (last?.mediaMs ?? 0) + steps * this.#msPerTick;
    this.#newest = { timestamp, mediaMs };
    const offset = now - mediaMs;
    const known = this.#offset();
    if (known !== undefined && Math.abs(offset - known) > JUMP_MS) this.#buckets = [];
    const bucket = this.#buckets.at(-1);
    if (bucket === undefined || now - bucket.since >= BUCKET_MS) {
      this.#buckets.push({ since: now, offset });
      while ((this.#buckets[0]?.since ?? now) <= now - WINDOW_MS) this.#buckets.shift();
    } else {
      bucket.offset = Math.min(bucket.offset, offset);
    }
  }

  /** When the newest timestamp was due here. Undefined before the first packet. */
  get instant(): MediaInstant | undefined {
    const offset = this.#offset();
    if (this.#newest === undefined || offset === undefined) return undefined;
    return { ingestMs: this.#newest.mediaMs + offset, rtpTimestamp: this.#newest.timestamp };
  }

  #offset(): number | undefined {
    let least: number | undefined;
    for (const { offset } of this.#buckets) {
      if (least === undefined || offset < least) least = offset;
    }
    return least;
  }
}
