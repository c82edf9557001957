import { assert } from "../../base/index.ts";

const BUCKETS = 20;
/** What was seen so many windows ago says nothing about now, whatever came since. */
const WINDOWS_MAX = 12;
/** The rate of change is known after this share of the window. */
const KNOWN_SHARE = 0.3;
/** Clocks are not further apart than this: beyond, it was a step. */
const RATE_MAX = 0.06;
/** Less than this is noise of the measurement. */
const RATE_MIN = 0.001;

interface Bucket {
  readonly index: number;
  least: number;
  /** When that was seen. */
  at: number;
}

/**
 * The least of values that were seen within a window of time in which there were any, where they rise steadily: the
 * least time on the way of media whose clock is slower than ours. What was seen earlier counts with what it would be
 * now.
 *
 * Time without values does not count: what comes after a pause may have been held up, and is no measure by itself.
 */
export class TransitFloor {
  readonly #bucketMs: number;
  #buckets: Bucket[] = [];
  #rate = 0;

  /** @param windowMs > 0 */
  constructor(windowMs: number) {
    assert(windowMs > 0, "a window has a length");
    this.#bucketMs = windowMs / BUCKETS;
  }

  /** @param nowMs monotonic; never less than in an earlier call */
  add(value: number, nowMs: number): void {
    const index = Math.floor(nowMs / this.#bucketMs);
    const last = this.#buckets.at(-1);
    if (last?.index !== index) {
      this.#forgetBefore(nowMs);
      this.#rate = this.#measureRate() ?? this.#rate;
      this.#buckets.push({ index, least: value, at: nowMs });
    } else if (value < last.least) {
      last.least = value;
      last.at = nowMs;
    }
  }

  /** Undefined before the first value. */
  value(nowMs: number): number | undefined {
    if (this.#buckets.length === 0) return undefined;
    const windowMs = BUCKETS * this.#bucketMs;
    let least = Number.POSITIVE_INFINITY;
    for (const bucket of this.#buckets) {
      const ageMs = Math.min(nowMs - bucket.at, windowMs);
      least = Math.min(least, bucket.least + this.#rate * ageMs);
    }
    return least;
  }

  /** Forgets the values, but not how fast they rise: the way is another one, and the clocks are the same. */
  restart(): void {
    this.#buckets = [];
  }

  clear(): void {
    this.#buckets = [];
    this.#rate = 0;
  }

  #forgetBefore(nowMs: number): void {
    const oldest = nowMs - WINDOWS_MAX * BUCKETS * this.#bucketMs;
    this.#buckets = this.#buckets.slice(1 - BUCKETS).filter(({ at }) => at > oldest);
  }

  /**
   * By how much values rise per ms: the median of what pairs of buckets say, which a burst does not falsify. 0 where
   * they fall, which the newest show by themselves; undefined: not known yet.
   */
  #measureRate(): number | undefined {
    const buckets = this.#buckets;
    const first = buckets[0];
    const last = buckets.at(-1);
    if (first === undefined || last === undefined) return undefined;
    if (last.at - first.at < KNOWN_SHARE * BUCKETS * this.#bucketMs) return undefined;
    const half = Math.floor(buckets.length / 2);
    const rates = buckets.slice(half).map((late, index) => {
      const early = buckets[index] as Bucket;
      return (late.least - early.least) / (late.at - early.at);
    });
    const rate = rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0;
    return rate < RATE_MIN ? 0 : Math.min(rate, RATE_MAX);
  }
}
