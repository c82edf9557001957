import { assert } from "../../base/index.ts";
import { SlidingMinimum } from "./sliding-minimum.ts";

/** How a {@link PlayoutClock} is set up. */
export interface PlayoutClockOptions {
  /** Time between the earliest arrival of media and its playing, ms, >= 0: what absorbs jitter. */
  readonly targetDelayMs: number;
}

/** How long the least delay on the way is remembered, ms. Long enough to look through jitter, short against clock drift. */
const WINDOW_MS = 10_000;
/** A track this much later than all it brought before has begun a new time base. */
const JUMP_MS = 2_000;
/** A track may hold the others back by this much for lip-sync. Beyond, its time means something else. */
const SPREAD_MS_MAX = 1_500;
/** Frames of a track with reordering among which one sure went straight through: a B-pyramid is at most this long. */
const REORDER_FRAMES = 8;
/** When everything comes late for this long, the delay is too short. */
const LATE_WINDOW_MS = 1_500;
/** Most that lateness adds to the target delay, ms. */
const EXTRA_MS_MAX = 1_000;
/** What lateness adds, and what comes back when frames are early again, at least, ms. */
const EXTRA_STEP_MS = 5;
/** Small corrections change the speed of play by at most this share, which nobody sees. */
const SLEW = 0.02;
/** A larger correction is a step. */
const SLEW_MS_MAX = 200;
/** The clock counts as settled when it was not stepped for this long, ms. */
const SETTLE_MS = 150;

/** When the frames of a track were ready, against when they were to be played. */
interface Readiness {
  /** How late, least of the window; negative when in time. */
  readonly lateness: SlidingMinimum;
  /** How early, least of the window. */
  readonly slack: SlidingMinimum;
}

interface TrackDelay {
  readonly smallest: SlidingMinimum;
  /** Transits of the last frames, newest last; only the last {@link REORDER_FRAMES}. */
  readonly recent: number[];
  newestMediaMs: number;
  /** Frames since one came out of order. */
  inOrder: number;
}

/**
 * Says when media is to be played: media time plus the least delay seen on the way, plus the target delay.
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

  /** Delay as it is: the target, and what lateness added. */
  get delayMs(): number {
    return this.#targetDelayMs + this.#extraMs;
  }

  /**
   * A whole frame of `track` with media time `mediaMs` has arrived; in arrival order.
   *
   * @returns true when the time base changed: frames that wait belong to the past
   */
  arrived(track: string, mediaMs: number, nowMs: number): boolean {
    const transit = nowMs - mediaMs;
    const before = this.#tracks.get(track);
    const base = before?.smallest.value(nowMs);
    // Another track may be slower: until that is known, the clock is as good as new.
    if (before === undefined) this.#steppedAt = nowMs;
    const jumped = base !== undefined && transit - base > JUMP_MS;
    if (jumped) this.reset();
    const delay = this.#delayOf(track);
    note(delay, mediaMs, transit, nowMs);
    this.#follow(nowMs);
    return jumped;
  }

  /**
   * A frame of `track` is ready to be played; late ones, if all of a track are, lengthen the delay. Call in presentation
   * order.
   *
   * @param leadMs how long before its time it must be ready: what the output itself takes
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
      // At once: what is late is not made better by slowness.
      if (this.#offsetMs !== undefined) this.#offsetMs += extraMs - this.#extraMs;
      this.#extraMs = extraMs;
    } else if (leastSlack > this.#targetDelayMs / 2) {
      // Even the latest frame had time to spare: half of that is given back.
      const spareMs = leastSlack - this.#targetDelayMs / 2;
      this.#extraMs = Math.max(0, this.#extraMs - Math.max(EXTRA_STEP_MS, spareMs / 2));
    }
    this.#judgeAnew();
  }

  /** The program stood still until now: how late frames were until now is no measure of the delay. */
  interrupt(): void {
    this.#judgeAnew();
  }

  /** Local time at which media time `mediaMs` plays; undefined before anything arrived. */
  playAt(mediaMs: number): number | undefined {
    return this.#offsetMs === undefined ? undefined : mediaMs + this.#offsetMs;
  }

  /** False while a burst still catches up with live, and after steps: sound should wait a moment. */
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
    this.#judgeAnew();
  }

  #judgeAnew(): void {
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
  // Pictures that later ones were coded from come before their time; only the pictures between tell the true delay.
  const reordered = delay.inOrder < REORDER_FRAMES * 4;
  delay.smallest.add(reordered ? Math.max(...delay.recent) : transit, nowMs);
}
