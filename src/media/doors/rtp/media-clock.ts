import { serialDistance } from "../../../base/index.ts";

/** How long the fastest packet counts, ms: drift of 100 ppm makes 1 ms in that time. */
const WINDOW_MS = 10_000;
const BUCKET_MS = 250;
/** A packet this far from what was expected has a new time base, ms. */
const JUMP_MS = 2_000;
/** So has one whose timestamp goes back by this much while no time has passed, ms: pictures are reordered by less. */
const BACK_MS = 1_000;
/** When all packets of this many buckets are later than expected by … */
const SHIFT_BUCKETS = 4;
/** … this, ms, the others are of the past. */
const SHIFT_MS = 150;
/** Drift is measured over this many buckets, and not over fewer than the least. */
const DRIFT_BUCKETS_MAX = 20;
const DRIFT_BUCKETS_MIN = 10;
/** Less is jitter: ms per ms, and ms over what was measured. */
const DRIFT_MIN = 0.004;
const DRIFT_MS_MIN = 30;
/** Share of the pairs of buckets that must rise for drift. */
const DRIFT_SHARE = 0.9;
/** The fastest clock of a sender that is believed, ms per ms. */
const DRIFT_MAX = 0.1;

/** An RTP timestamp and the time of our clock that belongs to it. */
export interface MediaInstant {
  /** Our clock, ms. */
  readonly ingestMs: number;
  /** u32. */
  readonly rtpTimestamp: number;
}

/** The packets of a quarter of a second. */
interface Bucket {
  readonly since: number;
  /** Least (arrival - media time), ms. */
  least: number;
  /** The same, moved by the drift since. */
  moved: number;
}

/**
 * Maps RTP timestamps to our clock. The packet that arrived fastest within the last 10 s counts; the delay of the
 * others is jitter. A sender whose clock is slow is followed, so that its delay stays the same. Pauses and jumps of the
 * timestamp start a new measurement.
 */
export class MediaClock {
  readonly #msPerTick: number;
  /** The newest timestamp, the media time since the first, ms, and when it arrived. */
  #timestamp = 0;
  #mediaMs = 0;
  #at = 0;
  /** Oldest first. */
  #buckets: Bucket[] = [];
  /** ms per ms by which media falls behind; 0 when that cannot be told from jitter. */
  #drift = 0;
  #bases = 0;
  #excusedUntil = Number.NEGATIVE_INFINITY;

  /** @param clockRate RTP ticks per second */
  constructor(clockRate: number) {
    this.#msPerTick = 1000 / clockRate;
  }

  /** Counts the time bases: rises when timestamps and arrival have a new relation. */
  get base(): number {
    return this.#bases;
  }

  /** Notes a timestamp (u32) that arrived at `now` (ms). Timestamps may be out of order. */
  arrived(timestamp: number, now: number): void {
    const bucket = this.#buckets.at(-1);
    if (bucket === undefined) {
      this.#timestamp = timestamp;
      this.#restart(now, now);
      return;
    }
    const isNew = now - bucket.since >= BUCKET_MS;
    // A later packet of the same instant was no faster.
    if (timestamp === this.#timestamp && !isNew) return;
    const step = serialDistance(this.#timestamp, timestamp, 32) * this.#msPerTick;
    const passed = now - this.#at;
    this.#mediaMs += step;
    this.#timestamp = timestamp;
    this.#at = now;
    const offset = now - this.#mediaMs;
    const isBack = step <= -BACK_MS && passed < BACK_MS / 2;
    const late = offset - this.#offset(now);
    const isExcused = now < this.#excusedUntil && late > 0 && Math.abs(step) < JUMP_MS;
    if (isBack || (Math.abs(late) > JUMP_MS && !isExcused)) {
      this.#restart(now, offset);
    } else if (isNew) {
      this.#buckets.push({ since: now, least: offset, moved: offset });
      this.#age(now - bucket.since, now);
    } else if (offset < bucket.least) {
      bucket.least = offset;
      bucket.moved = Math.min(bucket.moved, offset);
    }
  }

  /** This process stood still until now: packets that come before `ms` may have waited for that long. */
  excuse(ms: number): void {
    this.#excusedUntil = ms;
  }

  /** When the newest timestamp was due. Undefined before the first packet. */
  get instant(): MediaInstant | undefined {
    if (this.#buckets.length === 0) return undefined;
    return { ingestMs: this.#mediaMs + this.#offset(this.#at), rtpTimestamp: this.#timestamp };
  }

  /** When a timestamp (u32) of the present time base is due, ms. Undefined before the first packet. */
  dueAt(timestamp: number): number | undefined {
    const { instant } = this;
    if (instant === undefined) return undefined;
    return instant.ingestMs + serialDistance(this.#timestamp, timestamp, 32) * this.#msPerTick;
  }

  #restart(now: number, offset: number): void {
    this.#buckets = [{ since: now, least: offset, moved: offset }];
    this.#drift = 0;
    this.#at = now;
    this.#bases++;
  }

  /** A bucket is complete. @param passed since it began, ms */
  #age(passed: number, now: number): void {
    const buckets = this.#buckets;
    for (const bucket of buckets.slice(0, -1)) bucket.moved += this.#drift * passed;
    while ((buckets[0]?.since ?? now) <= now - WINDOW_MS) buckets.shift();
    const complete = buckets.slice(0, -1);
    const before = Math.min(...complete.slice(0, -SHIFT_BUCKETS).map(({ moved }) => moved));
    const recent = complete.slice(-SHIFT_BUCKETS);
    const isShifted = recent.every(({ least }) => least > before + SHIFT_MS);
    if (isShifted) buckets.splice(0, complete.length - recent.length);
    const drift = driftOf(buckets.slice(-DRIFT_BUCKETS_MAX - 1, -1));
    // What was missed while the drift was not known.
    if (drift > 0 && this.#drift === 0) {
      for (const bucket of buckets) bucket.moved = bucket.least + drift * (now - bucket.since);
    }
    this.#drift = drift;
  }

  #offset(now: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { moved } of this.#buckets) if (moved < least) least = moved;
    const newest = this.#buckets.at(-1);
    return newest === undefined ? least : least + this.#drift * Math.max(0, now - newest.since);
  }
}

/** The slope of the offsets, if nearly all pairs of buckets rise: the median over the pairs (Theil-Sen). */
function driftOf(buckets: readonly Bucket[]): number {
  if (buckets.length < DRIFT_BUCKETS_MIN) return 0;
  const slopes: number[] = [];
  for (const [index, from] of buckets.entries()) {
    for (const to of buckets.slice(index + 1)) {
      slopes.push((to.least - from.least) / (to.since - from.since));
    }
  }
  slopes.sort((a, b) => a - b);
  const median = slopes[slopes.length >> 1] as number;
  const first = buckets[0] as Bucket;
  const span = (buckets.at(-1) as Bucket).since - first.since;
  const rising = slopes.filter((slope) => slope > 0).length / slopes.length;
  const isDrift = median >= DRIFT_MIN && median * span >= DRIFT_MS_MIN && rising >= DRIFT_SHARE;
  return isDrift ? Math.min(DRIFT_MAX, median) : 0;
}
