import type { SourceTimeline } from "../../channel/playout/index.ts";
import type { RecordTimeline, TimeBase } from "./record-timeline.ts";

/** A medium's own clock is used unchanged while it is within this of the reports, ms. */
const TOLERANCE_MS = 8;
/** A correction ends when it is this close, ms. */
const SETTLED_MS = 1;
/** Corrections change time by at most this share: 2 ms in a second are not noticeable. */
const SLEW = 0.002;
/** Beyond this lip-sync would be noticeable, ms: it is corrected faster. */
const NOTICEABLE_MS = 25;
const FAST_SLEW = 0.05;
/** Beyond this it is not drift, but a gap or another time base, ms. */
const JUMP_MS = 1_000;
/** Time bases that differ by more are different, ms. */
const BASE_MS = 500;
/** A gap is believed without a report if it is longer than what passed by at most this, ms: frames come in bursts. */
const BURST_MS = 2_000;
/** How long a doubt may last, ms: reports come each second. */
const DOUBT_MS_MAX = 6_000;
/** What was held up has come when a time base was reported for this long, ms. */
const CAUGHT_UP_MS = 500;
/** Frames come in a burst if they are so much faster than their times, and by so much, ms. */
const BURST_RATIO = 2;
const BURST_MS_MIN = 60;
/** Frames may be presented before as many frames that are decoded earlier. */
const REORDER_MAX = 16;
/** Distances of frames that are remembered. */
const DISTANCES = 8;
/** Distance before there are two frames, ms. */
const FRAME_MS = 1000 / 30;

/** When a frame is presented. */
export interface FrameTime {
  readonly ticks: number;
  /** By the medium's own clock, without the jumps of its timestamps, ms. Final once the time is settled. */
  steadyMs: number;
  /** Undefined: no report had come. */
  readonly base: TimeBase | undefined;
  /** False where a jump is not reported yet: reports say nothing about it. */
  readonly isSure: boolean;
}

/** A sender that was held up looks like one that has paused, until what it held back arrives. */
interface Doubt {
  readonly base: TimeBase;
  /** Of the first frame. */
  readonly nextMs: number;
  /** The most that may be missing before it, ms. */
  readonly most: number;
  readonly times: FrameTime[];
  /** When the first of them arrived, and the last, ms. */
  readonly since: number;
  until: number;
}

/**
 * Presentation times of one source for a file: frames keep the distances that their own clock gives them, and follow
 * the channel's time, which keeps tracks in lip-sync, too slowly to be noticed. Where timestamps jump though nothing is
 * missing, time goes on by a frame.
 */
export class SteadyClock {
  readonly #timeline: RecordTimeline;
  readonly #source: SourceTimeline;
  /** The latest frame in presentation. */
  #newest: FrameTime | undefined;
  /** The latest frame about which reports are sure. */
  #sure: FrameTime | undefined;
  /** Frames after one before which something may be missing, by the first report of a time base. */
  #doubt: Doubt | undefined;
  /** Of the last frame in decoding order. */
  #ticks = 0;
  /** By which the last frame was placed. */
  #base: TimeBase | undefined;
  /** Ingest clock minus steady time, ms, as far as reports confirm it. */
  #relationMs: number | undefined;
  #arrivedMs = 0;
  /** Steady time minus own clock, ms. */
  #shiftMs = 0;
  readonly #distances: number[] = [];
  /** Channel time minus steady time, ms; undefined before the first frame was placed. */
  #offsetMs: number | undefined;
  #placedMs = Number.NEGATIVE_INFINITY;
  #isCorrecting = false;

  constructor(timeline: RecordTimeline, source: SourceTimeline) {
    this.#timeline = timeline;
    this.#source = source;
  }

  /** True once the publisher has reported how its tracks relate, so that times need no later correction. */
  get isSynchronised(): boolean {
    return this.#timeline.isSynchronised(this.#source);
  }

  /** True once presentation times are known. */
  knows(time: FrameTime): boolean {
    return this.peek(time) !== undefined;
  }

  /**
   * The time of the next frame in decoding order. Once for each frame, when it arrives.
   *
   * @param nowMs monotonic, local
   */
  next(ticks: number, nowMs: number): FrameTime {
    const ownMs = this.#source.msOf(ticks);
    const base = this.#timeline.baseOf(this.#source, ticks, this.#base, this.#ticks);
    const newest = this.#newest;
    this.settle(nowMs);
    let isDoubtful = false;
    if (newest !== undefined) {
      const stepMs = ownMs + this.#shiftMs - newest.steadyMs;
      const isUsual = this.#isUsual(stepMs);
      if (!isUsual || base !== this.#base) {
        const nextMs = newest.steadyMs + (isUsual ? stepMs : this.#frameMs);
        const most = nowMs - this.#arrivedMs + BURST_MS;
        const missingMs = this.#missingMs(ticks, nextMs, base, most);
        isDoubtful = missingMs > 0 && base !== undefined && base !== this.#base;
        this.#shiftMs = nextMs + (isDoubtful ? 0 : missingMs) - ownMs;
      }
    }
    const steadyMs = ownMs + this.#shiftMs;
    const isSure = !isDoubtful && this.#doubt === undefined && this.#relate(ticks, steadyMs, base);
    const time: FrameTime = { ticks, steadyMs, base, isSure };
    if (isSure) this.#sure = time;
    if (isDoubtful && base !== undefined) {
      const most = nowMs - this.#arrivedMs + BURST_MS;
      this.settle(Number.POSITIVE_INFINITY);
      this.#doubt = { base, nextMs: steadyMs, most, times: [], since: nowMs, until: nowMs };
    }
    if (this.#doubt !== undefined) {
      this.#doubt.times.push(time);
      this.#doubt.until = nowMs;
    }
    if (newest !== undefined) this.#measure(Math.abs(steadyMs - newest.steadyMs));
    if (newest === undefined || steadyMs >= newest.steadyMs) this.#newest = time;
    this.#ticks = ticks;
    this.#base = base;
    this.#arrivedMs = nowMs;
    return time;
  }

  /** Whether the time of a frame is final. */
  isSettled(time: FrameTime): boolean {
    return this.#doubt === undefined || !this.#doubt.times.includes(time);
  }

  /** Decides what was missing as soon as that is known. @param nowMs monotonic, local; infinite: decides now */
  settle(nowMs: number): void {
    const doubt = this.#doubt;
    if (doubt === undefined) return;
    const { base, times } = doubt;
    const [first] = times;
    const newest = this.#timeline.newestBase(this.#source) ?? base;
    // Sender reports say whether the sender paused; the ingest knows only when something arrived.
    const sent = this.#missingBySender(first, doubt.nextMs, newest);
    const hasCaughtUp = this.#timeline.reportedMs(this.#source, newest) >= CAUGHT_UP_MS;
    const isConfirmed = this.isSynchronised ? sent !== undefined : hasCaughtUp;
    if (first === undefined || (!isConfirmed && nowMs - doubt.since < DOUBT_MS_MAX)) return;
    this.#doubt = undefined;
    const isBurst = !isConfirmed && nowMs === Number.POSITIVE_INFINITY && isHeldUp(doubt);
    const missing =
      sent ?? (isBurst ? 0 : this.#missingMs(first.ticks, doubt.nextMs, newest, doubt.most, true));
    for (const time of times) time.steadyMs += missing;
    this.#shiftMs += missing;
    this.#relationMs = undefined;
    const last = times.at(-1) as FrameTime;
    this.#relate(last.ticks, last.steadyMs, last.base);
  }

  /** When a frame would be presented, ms of the channel's time; undefined before the first report. */
  peek(time: FrameTime): number | undefined {
    const offsetMs = this.#offsetMs ?? this.#firstOffsetMs(time);
    return offsetMs === undefined ? undefined : time.steadyMs + offsetMs;
  }

  /** Without any report: a frame is presented at `ms` of the channel's time, and the others accordingly. */
  assume(time: FrameTime, ms: number): void {
    this.#offsetMs ??= this.#firstOffsetMs(time) ?? ms - time.steadyMs;
  }

  /** When a frame is presented, ms of the channel's time. Once for each frame, in decoding order; see {@link knows}. */
  place(time: FrameTime): number {
    const { steadyMs } = time;
    const wanted = this.#wantedOf(time);
    this.#offsetMs ??= this.#firstOffsetMs(time) ?? 0;
    const passed = Math.max(0, steadyMs - this.#placedMs);
    if (wanted !== undefined && Number.isFinite(passed)) this.#follow(wanted, passed);
    this.#placedMs = Math.max(this.#placedMs, steadyMs);
    return steadyMs + this.#offsetMs;
  }

  #follow(wanted: number, passedMs: number): void {
    const offsetMs = this.#offsetMs as number;
    const error = wanted - offsetMs;
    const size = Math.abs(error);
    if (error > JUMP_MS) {
      // Something was missing that only the reports tell.
      this.#offsetMs = wanted;
      return;
    }
    if (size > TOLERANCE_MS) this.#isCorrecting = true;
    if (size <= SETTLED_MS) this.#isCorrecting = false;
    const share = size > NOTICEABLE_MS ? FAST_SLEW : this.#isCorrecting ? SLEW : 0;
    const most = passedMs * share;
    this.#offsetMs = offsetMs + Math.min(most, Math.max(-most, error));
  }

  /** Channel time minus steady time, before any frame was placed: the latest reports know most. */
  #firstOffsetMs(time: FrameTime): number | undefined {
    return (this.#sure && this.#wantedOf(this.#sure)) ?? this.#wantedOf(time);
  }

  /** Channel time minus steady time, by the reports, ms. */
  #wantedOf(time: FrameTime): number | undefined {
    const { ticks, steadyMs } = time;
    const base = this.#baseOf(time);
    if (base === undefined || !time.isSure) return undefined;
    const offsetMs = this.#timeline.offsetOf(this.#source, base, ticks);
    return offsetMs === undefined ? undefined : this.#source.msOf(ticks) + offsetMs - steadyMs;
  }

  #baseOf({ base }: FrameTime): TimeBase | undefined {
    return base ?? this.#timeline.firstBase(this.#source);
  }

  get #frameMs(): number {
    const least = Math.min(...this.#distances);
    return Number.isFinite(least) ? least : FRAME_MS;
  }

  /** Whether a frame is where the frames before it let expect it. */
  #isUsual(stepMs: number): boolean {
    const backMs = Math.max(JUMP_MS, REORDER_MAX * this.#frameMs);
    return stepMs <= JUMP_MS && stepMs >= -backMs;
  }

  /**
   * What is missing before a frame that would be at `nextMs` if nothing were, ms.
   *
   * @param most what is believed without a report
   * @param isLater what was reported since then counts: what was held up came no later than its fastest packet
   */
  #missingMs(
    ticks: number,
    nextMs: number,
    base: TimeBase | undefined,
    most: number,
    isLater = false,
  ): number {
    const ownMs = this.#source.msOf(ticks);
    // A step of the media clock that its relation to the ingest's clock makes up for is a jump.
    const missing =
      base === undefined || this.#relationMs === undefined
        ? ownMs + this.#shiftMs - nextMs
        : ownMs + this.#offsetAt(base, ticks, isLater) - nextMs - this.#relationMs;
    const isCovered = base !== undefined && this.#timeline.covers(this.#source, base, ticks);
    return missing < BASE_MS || (!isCovered && missing > most) ? 0 : missing;
  }

  #offsetAt(base: TimeBase, ticks: number, isLater: boolean): number {
    const offsetMs = this.#timeline.ingestOffsetAt(base, ticks);
    return isLater ? Math.min(offsetMs, base.ingestOffsetMs) : offsetMs;
  }

  /** The same by the publisher's clock, ms; undefined: it has not said yet. */
  #missingBySender(
    first: FrameTime | undefined,
    nextMs: number,
    base: TimeBase,
  ): number | undefined {
    const before = this.#sure && this.#wantedOf(this.#sure);
    if (first === undefined || before === undefined || base.sent.length === 0) return undefined;
    const offsetMs = this.#timeline.offsetOf(this.#source, base, first.ticks) ?? 0;
    const missing = this.#source.msOf(first.ticks) + offsetMs - nextMs - before;
    return missing < BASE_MS ? 0 : missing;
  }

  /** Notes how steady time relates to the ingest's clock. @returns false where a jump is not reported yet */
  #relate(ticks: number, steadyMs: number, base: TimeBase | undefined): boolean {
    if (base === undefined) return true;
    const ingestMs = this.#source.msOf(ticks) + this.#timeline.ingestOffsetAt(base, ticks);
    const relationMs = ingestMs - steadyMs;
    const known = base === this.#base ? this.#relationMs : undefined;
    if (known !== undefined && Math.abs(relationMs - known) > BASE_MS) return false;
    this.#relationMs = relationMs;
    return true;
  }

  #measure(distanceMs: number): void {
    if (distanceMs <= 0 || distanceMs > JUMP_MS) return;
    this.#distances.push(distanceMs);
    if (this.#distances.length > DISTANCES) this.#distances.shift();
  }
}

/** Whether frames still came so fast, when the last of them did, that all of them had been held up. */
function isHeldUp({ since, times, until }: Doubt): boolean {
  const steadyMs = times.map((time) => time.steadyMs);
  const lastsMs = Math.max(...steadyMs) - Math.min(...steadyMs);
  const arrivedMs = until - since;
  return lastsMs > BURST_RATIO * arrivedMs && lastsMs - arrivedMs > BURST_MS_MIN;
}
