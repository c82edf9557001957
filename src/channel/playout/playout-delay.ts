import { SlidingMinimum } from "./sliding-minimum.ts";
import { TransitFloor } from "./transit-floor.ts";

/** How long the least delay is remembered, ms. Long compared with jitter. */
const WINDOW_MS = 10_000;
/** Everything that arrived for this long was late: the way has become longer, ms. */
const LONGER_MS = 1_500;
/** Less is left to the window: a drifting clock does as much until it is known, ms. */
const LONGER_BY_MS = 100;
/** Frames within that time, at least: a few say nothing about the way. */
const LONGER_FRAMES = 8;
/** Among this many frames of a track with reordering, at least one was not delayed: the longest B-pyramid. */
const REORDER_FRAMES = 8;
/** If everything is late for this long, the delay is too short, ms. */
const LATE_WINDOW_MS = 1_500;
/** … and so it is if in this share of slices of that window, ms each, everything was: half of the sound would be lost. */
const LATE_SHARE = 1 / 3;
const SLICE_MS = 100;
/** Lateness that falls by this from slice to slice is that of media which was held up, and catches up, ms. */
const CAUGHT_UP_MS = 25;
/** Most that lateness adds to the target delay, ms, … */
const EXTRA_MS_MAX = 1_000;
/** … and where no other track waits for this one. */
const EXTRA_MS_MAX_APART = 10_000;
/** The smallest change of the delay because of late or early frames, ms. */
const EXTRA_STEP_MS = 5;
/** A track that is late with the longest delay in so many windows in a row will not be in time. */
const HOPELESS_WINDOWS = 3;

/** How much delay one track needs: for its way, and for what it takes to get its frames ready. */
export class PlayoutDelay {
  readonly #floor = new TransitFloor(WINDOW_MS);
  /** Least of the time on the way since {@link LONGER_MS}. */
  readonly #recentFloor = new SlidingMinimum(LONGER_MS);
  /** Since when frames have been arriving without a pause, and how many. */
  #run = { since: 0, count: 0, last: Number.NEGATIVE_INFINITY };
  /** Transits of the last frames, newest last; only the last {@link REORDER_FRAMES}. */
  readonly #recent: number[] = [];
  #newestMediaMs = Number.NEGATIVE_INFINITY;
  /** Frames since the last one that was out of order. */
  #inOrder = REORDER_FRAMES * 4;
  #extraMs = 0;
  #judgedAt: number | undefined;
  #readyAt = Number.NEGATIVE_INFINITY;
  readonly #lateness = new SlidingMinimum(LATE_WINDOW_MS);
  readonly #slack = new SlidingMinimum(LATE_WINDOW_MS);
  /** Least lateness in each slice of the window in which there was a frame, ms. */
  readonly #slices = new Map<number, number>();
  #lateWindows = 0;

  /** Added because frames were ready too late, ms. */
  get extraMs(): number {
    return this.#extraMs;
  }

  /** True when the longest delay that others should wait for does not suffice. */
  get isHopeless(): boolean {
    return this.#lateWindows >= HOPELESS_WINDOWS || this.#extraMs > EXTRA_MS_MAX;
  }

  /** Least time on the way, ms; undefined before the first frame. */
  floorMs(nowMs: number): number | undefined {
    return this.#floor.value(nowMs);
  }

  /** How far the newest frame is behind what could have arrived by now, ms. */
  behindMs(nowMs: number): number {
    return nowMs - this.#newestMediaMs - (this.floorMs(nowMs) ?? 0);
  }

  /** A frame arrived. */
  arrived(mediaMs: number, nowMs: number): void {
    const transit = nowMs - mediaMs;
    if (mediaMs < this.#newestMediaMs) {
      // Delays noted before the first sign of reordering are too small.
      if (this.#inOrder >= REORDER_FRAMES * 4) {
        this.#floor.clear();
        this.#recentFloor.clear();
      }
      this.#inOrder = 0;
    } else {
      this.#inOrder++;
    }
    this.#newestMediaMs = Math.max(this.#newestMediaMs, mediaMs);
    this.#recent.push(transit);
    if (this.#recent.length > REORDER_FRAMES) this.#recent.shift();
    // Reference pictures arrive before their time; only the pictures between them show the true delay.
    const isReordered = this.#inOrder < REORDER_FRAMES * 4;
    this.#note(isReordered ? Math.max(...this.#recent) : transit, nowMs);
  }

  /**
   * A frame is ready.
   *
   * @param frame `lateMs` negative: it is early by that much; `isApart`: no other track waits for this one
   * @returns what this adds to the delay at once, ms
   */
  ready(
    frame: { readonly lateMs: number; readonly targetDelayMs: number; readonly isApart: boolean },
    nowMs: number,
  ): number {
    const { lateMs, targetDelayMs, isApart } = frame;
    // What was held up by a pause is no measure.
    if (nowMs - this.#readyAt > LATE_WINDOW_MS / 3) this.interrupt();
    this.#readyAt = nowMs;
    this.#judgedAt ??= nowMs;
    this.#lateness.add(lateMs, nowMs);
    const slice = Math.floor((nowMs - this.#judgedAt) / SLICE_MS);
    this.#slices.set(slice, Math.min(lateMs, this.#slices.get(slice) ?? lateMs));
    this.#slack.add(-lateMs, nowMs);
    if (nowMs - this.#judgedAt < LATE_WINDOW_MS) return 0;
    const slices = [...this.#slices.values()];
    const steady = slices.slice(catchingUp(slices));
    const leastLate = Math.max(this.#lateness.value(nowMs) ?? 0, oftenLateMs(steady));
    const leastSlack = this.#slack.value(nowMs) ?? 0;
    this.interrupt();
    if (steady.length < slices.length / 2) return 0;
    const before = this.#extraMs;
    if (leastLate > 0) {
      const most = isApart ? EXTRA_MS_MAX_APART : EXTRA_MS_MAX;
      if (before >= EXTRA_MS_MAX) this.#lateWindows++;
      this.#extraMs = Math.max(before, Math.min(most, before + leastLate + EXTRA_STEP_MS));
      return this.#extraMs - before;
    }
    this.#lateWindows = 0;
    // Even the latest frame was early: what is beyond half of the target is given back.
    const spareMs = leastSlack - targetDelayMs / 2;
    if (spareMs > 0) this.#extraMs = Math.max(0, before - Math.max(EXTRA_STEP_MS, spareMs));
    return 0;
  }

  /** How late frames were until now is no measure. */
  interrupt(): void {
    this.#slices.clear();
    this.#lateness.clear();
    this.#slack.clear();
    this.#judgedAt = undefined;
  }

  #note(transit: number, nowMs: number): void {
    const run = this.#run;
    if (nowMs - run.last > LONGER_MS / 2) this.#run = { since: nowMs, count: 1, last: nowMs };
    else {
      run.count++;
      run.last = nowMs;
    }
    if (this.#run.count === 1) this.#recentFloor.clear();
    this.#recentFloor.add(transit, nowMs);
    const { since, count } = this.#run;
    const recent = this.#recentFloor.value(nowMs) ?? transit;
    const floor = this.#floor.value(nowMs) ?? transit;
    if (nowMs - since > LONGER_MS && count > LONGER_FRAMES && recent > floor + LONGER_BY_MS) {
      this.#floor.restart();
      this.#floor.add(recent, nowMs);
    }
    this.#floor.add(transit, nowMs);
  }
}

/** With how many slices media begins that catches up. @param slices least lateness in each, ms */
function catchingUp(slices: readonly number[]): number {
  let count = 0;
  while ((slices[count] ?? 0) > Math.max(0, slices[count + 1] ?? 0) + CAUGHT_UP_MS) count++;
  return count;
}

/** By how much media is late as often as counts, ms; 0: it is not. @param slices least lateness in each, ms */
function oftenLateMs(slices: readonly number[]): number {
  const late = slices.filter((ms) => ms > 0).sort((a, b) => a - b);
  const isOften = late.length >= slices.length * LATE_SHARE;
  return isOften ? (late[late.length >> 1] ?? 0) : 0;
}
