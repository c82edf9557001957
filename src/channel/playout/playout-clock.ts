import { assert } from "../../base/index.ts";
import { SlidingMinimum } from "./sliding-minimum.ts";

/** How a {@link PlayoutClock} is set up. */
export interface PlayoutClockOptions {
  /** Time between the earliest arrival of media and its playout, ms, >= 0: absorbs jitter. */
  readonly targetDelayMs: number;
}

/** How long the least delay is remembered, ms. Long compared with jitter, short compared with clock drift. */
const WINDOW_MS = 10_000;
/** A track that is this much later than ever before has a new time base, ms. */
const JUMP_MS = 2_000;
/** A track may delay the others by this much for lip-sync, ms. Beyond, its time base is unrelated. */
const SPREAD_MS_MAX = 1_500;
/** Among this many frames of a track with reordering, at least one was not delayed: the longest B-pyramid. */
const REORDER_FRAMES = 8;
/** If everything is late for this long, the delay is too short, ms. */
const LATE_WINDOW_MS = 1_500;
/** Most that lateness adds to the target delay, ms. */
const EXTRA_MS_MAX = 1_000;
/** The smallest change of the delay because of late or early frames, ms. */
const EXTRA_STEP_MS = 5;
/** Small corrections change the playout speed by at most this share, which is not visible. */
const SLEW = 0.02;
/** A larger correction is a step. */
const SLEW_MS_MAX = 200;
/** The clock counts as settled when it was not stepped for this long, ms. */
const SETTLE_MS = 150;

/** When the frames of a track were ready, against when they were to be played. */
interface Readiness {
  /** How late, minimum of the window, ms; negative when in time. */
  readonly lateness: SlidingMinimum;
  /** How early, minimum of the window, ms. */
  readonly slack: SlidingMinimum;
}

interface TrackDelay {
  readonly smallest: SlidingMinimum;
  /** Transits of the last frames, newest last; only the last {@link REORDER_FRAMES}. */
  readonly recent: number[];
  newestMediaMs: number;
  /** Frames since the last one that was out of order. */
  inOrder: number;
}

/**
 * Decides when media is played: media time plus the least delay observed, plus the target delay.
 *
 * All tracks share it, so they play in sync; the slowest one sets the pace. The mapping follows clock drift slowly,
 * falls at once when a burst catches up with live, and starts over when media time jumps.
 */
export class PlayoutClock {
  readonly #tracks = new Map<string, TrackDelay>();
  #targetDelayMs: number;
  #extraMs = 0;
  /** Local time minus media time, as applied. */
  #offsetMs: number | undefined;
  #movedAt = 0;
  #steppedAt = Number.NEGATIVE_INFINITY;
  readonly #readiness = new Map<string, Readiness>();
  #judgedAt: number | undefined;

  constructor(options: PlayoutClockOptions) {
    assert(options.targetDelayMs >= 0, "a delay is not negative");
    this.#targetDelayMs = options.targetDelayMs;
  }

  /** Configured delay, ms; may change while playing. */
  get targetDelayMs(): number {
    return this.#targetDelayMs;
  }

  set targetDelayMs(value: number) {
    assert(value >= 0, "a delay is not negative");
    this.#targetDelayMs = value;
  }

  /** The current delay, ms: the target, and what lateness added. */
  get delayMs(): number {
    return this.#targetDelayMs + this.#extraMs;
  }

  /**
   * A complete frame of `track` with media time `mediaMs` has arrived; call in arrival order.
   *
   * @returns true when the time base changed: waiting frames are obsolete
   */
  arrived(track: string, mediaMs: number, nowMs: number): boolean {
    const transit = nowMs - mediaMs;
    const before = this.#tracks.get(track);
    const base = before?.smallest.value(nowMs);
    // Another track may be slower: until that is known, the clock counts as new.
    if (before === undefined) this.#steppedAt = nowMs;
    const jumped = base !== undefined && transit - base > JUMP_MS;
    if (jumped) this.reset();
    const delay = this.#delayOf(track);
    note(delay, mediaMs, transit, nowMs);
    this.#follow(nowMs);
    return jumped;
  }

  /**
   * A frame of `track` is ready to be played; late ones, if all of a track are, lengthen the delay. Call in
   * presentation order.
   *
   * @param leadMs how long before its time it must be ready: the delay of the output itself
   */
  ready(track: string, mediaMs: number, nowMs: number, leadMs = 0): void {
    const playAt = this.playAt(mediaMs);
    if (playAt === undefined) return;
    this.#judgedAt ??= nowMs;
    const late = nowMs + leadMs - playAt;
    const readiness = this.#readinessOf(track);
    readiness.lateness.add(late, nowMs);
    readiness.slack.add(-late, nowMs);
    if (nowMs - this.#judgedAt < LATE_WINDOW_MS) return;
    const all = [...this.#readiness.values()];
    const leastLate = Math.max(...all.flatMap((each) => each.lateness.value(nowMs) ?? []));
    const leastSlack = Math.min(...all.flatMap((each) => each.slack.value(nowMs) ?? []));
    if (leastLate > 0) {
      const extraMs = Math.min(EXTRA_MS_MAX, this.#extraMs + leastLate + EXTRA_STEP_MS);
      // At once: adapting slowly would keep frames late.
      if (this.#offsetMs !== undefined) this.#offsetMs += extraMs - this.#extraMs;
      this.#extraMs = extraMs;
    } else if (leastSlack > this.#targetDelayMs / 2) {
      // Even the latest frame was early: half of that is taken off the delay.
      const spareMs = leastSlack - this.#targetDelayMs / 2;
      this.#extraMs = Math.max(0, this.#extraMs - Math.max(EXTRA_STEP_MS, spareMs / 2));
    }
    this.#restartJudging();
  }

  /** The program stood still until now: how late frames were until now is no measure of the delay. */
  interrupt(): void {
    this.#restartJudging();
  }

  /** Local time at which media time `mediaMs` plays; undefined before anything arrived. */
  playAt(mediaMs: number): number | undefined {
    return this.#offsetMs === undefined ? undefined : mediaMs + this.#offsetMs;
  }

  /** False while a burst still catches up with live, and after steps: audio should wait a moment. */
  settled(nowMs: number): boolean {
    return this.#offsetMs !== undefined && nowMs - this.#steppedAt >= SETTLE_MS;
  }

  /** Forgets a track that ended. */
  forget(track: string): void {
    this.#tracks.delete(track);
    this.#readiness.delete(track);
  }

  /** Starts over: the next arrival sets the time base. */
  reset(): void {
    this.#tracks.clear();
    this.#offsetMs = undefined;
    this.#extraMs = 0;
    this.#restartJudging();
  }

  #restartJudging(): void {
    this.#readiness.clear();
    this.#judgedAt = undefined;
  }

  #readinessOf(track: string): Readiness {
    let readiness = this.#readiness.get(track);
    if (readiness === undefined) {
      readiness = {
        lateness: new SlidingMinimum(LATE_WINDOW_MS),
        slack: new SlidingMinimum(LATE_WINDOW_MS),
      };
      this.#readiness.set(track, readiness);
    }
    return readiness;
  }

  #delayOf(track: string): TrackDelay {
    let delay = this.#tracks.get(track);
    if (delay === undefined) {
      delay = {
        smallest: new SlidingMinimum(WINDOW_MS),
        recent: [],
        newestMediaMs: Number.NEGATIVE_INFINITY,
        inOrder: REORDER_FRAMES * 4,
      };
      this.#tracks.set(track, delay);
    }
    return delay;
  }

  /** Least delay of the slowest track, ms. */
  #leastDelay(nowMs: number): number | undefined {
    const delays = [...this.#tracks.values()].flatMap((track) => track.smallest.value(nowMs) ?? []);
    if (delays.length === 0) return undefined;
    return Math.min(Math.max(...delays), Math.min(...delays) + SPREAD_MS_MAX);
  }

  #follow(nowMs: number): void {
    const least = this.#leastDelay(nowMs);
    if (least === undefined) return;
    const wanted = least + this.delayMs;
    const elapsedMs = nowMs - this.#movedAt;
    this.#movedAt = nowMs;
    const off = this.#offsetMs === undefined ? Number.NaN : wanted - this.#offsetMs;
    const starting = !this.settled(nowMs);
    if (Number.isNaN(off) || Math.abs(off) > SLEW_MS_MAX || (starting && Math.abs(off) > 1)) {
      this.#offsetMs = wanted;
      this.#steppedAt = nowMs;
    } else if (this.#offsetMs !== undefined) {
      const most = elapsedMs * SLEW;
      this.#offsetMs += Math.min(Math.max(off, -most), most);
    }
  }
}

function note(delay: TrackDelay, mediaMs: number, transit: number, nowMs: number): void {
  if (mediaMs < delay.newestMediaMs) {
    // Delays noted before the first sign of reordering are too small.
    if (delay.inOrder >= REORDER_FRAMES * 4) delay.smallest.clear();
    delay.inOrder = 0;
  } else {
    delay.inOrder++;
  }
  delay.newestMediaMs = Math.max(delay.newestMediaMs, mediaMs);
  delay.recent.push(transit);
  if (delay.recent.length > REORDER_FRAMES) delay.recent.shift();
  // Reference pictures arrive before their time; only the pictures between them show the true delay.
  const reordered = delay.inOrder < REORDER_FRAMES * 4;
  delay.smallest.add(reordered ? Math.max(...delay.recent) : transit, nowMs);
}
