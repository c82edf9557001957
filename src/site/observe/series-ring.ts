import type { Fold } from "./series.ts";

/** A resolution in which history is kept: `count` values, one for each `stepMs`. */
export interface Level {
  readonly stepMs: number;
  readonly count: number;
}

/** 10 minutes by the second, 2 hours by ten, a day by the minute, a week by ten. 15 KB for a series. */
export const LEVELS: readonly Level[] = [
  { stepMs: 1_000, count: 600 },
  { stepMs: 10_000, count: 720 },
  { stepMs: 60_000, count: 1_440 },
  { stepMs: 600_000, count: 1_008 },
];

/**
 * The newest values of one series in one resolution. Slots are numbered by wall clock; NaN is a slot without a value.
 */
export class SeriesRing {
  readonly #level: Level;
  readonly #fold: Fold;
  #values: Float32Array;
  /** Number of the newest slot; -1: none. */
  #last = -1;
  /** Its value. */
  #sum = 0;
  #worst = 0;
  #taken = 0;

  constructor(level: Level, fold: Fold) {
    this.#level = level;
    this.#fold = fold;
    this.#values = new Float32Array(0);
  }

  /** Records a value. One that is older than the newest slot is ignored. */
  put(atMs: number, value: number): void {
    const { stepMs, count } = this.#level;
    const slot = Math.floor(atMs / stepMs);
    if (slot < this.#last) return;
    if (this.#values.length === 0) this.#values = new Float32Array(count).fill(Number.NaN);
    if (slot !== this.#last) {
      const from = this.#last < 0 ? slot : Math.max(this.#last + 1, slot - count + 1);
      for (let each = from; each < slot; each++) this.#values[each % count] = Number.NaN;
      this.#last = slot;
      this.#sum = this.#taken = 0;
      this.#worst = Number.NEGATIVE_INFINITY;
    }
    this.#sum += value;
    this.#taken++;
    this.#worst = Math.max(this.#worst, value);
    this.#values[slot % count] = this.#fold === "mean" ? this.#sum / this.#taken : this.#worst;
  }

  /** The values of slots `from` to `to`, both included; null where there is none. */
  read(from: number, to: number): (number | null)[] {
    const { count } = this.#level;
    const values: (number | null)[] = [];
    for (let slot = from; slot <= to; slot++) {
      const isKept = slot <= this.#last && slot > this.#last - count && this.#values.length > 0;
      const value = isKept ? (this.#values[slot % count] as number) : Number.NaN;
      // Single precision has seven digits; the others would be noise.
      values.push(Number.isNaN(value) ? null : Number(value.toPrecision(6)));
    }
    return values;
  }

  /** What {@link restore} takes; undefined when there is nothing. */
  save(): { readonly last: number; readonly values: Float32Array } | undefined {
    return this.#last < 0 ? undefined : { last: this.#last, values: this.#values };
  }

  /** Continues from what was saved. @param values as many as the level has */
  restore(last: number, values: Float32Array): void {
    this.#last = last;
    this.#values = values;
    const newest = values[last % this.#level.count] as number;
    this.#taken = Number.isNaN(newest) ? 0 : 1;
    this.#sum = this.#taken === 0 ? 0 : newest;
    this.#worst = this.#taken === 0 ? Number.NEGATIVE_INFINITY : newest;
  }
}
