import { OffsetEstimate } from "./offset-estimate.ts";
import type { IngestReport, SenderTime, SourceTimeline } from "./source-timeline.ts";
import { TransitFloor } from "./transit-floor.ts";

/** How long the least time on the way is remembered, ms. */
const WINDOW_MS = 10_000;
/** Timestamps that step back by this much, or ahead of what could have arrived by now, have jumped, ms. */
const JUMP_MS = 2_000;
/** The same, in usual steps: pictures of a slide show are far from each other. */
const JUMP_STEPS = 4;
/** Media that is this much later than before, and stays so, comes of a clock that stood still, ms. */
const LATE_MS = 500;
/** … as long as this, ms, … */
const LATE_FOR_MS = 300;
/** … and goes on at a pace between these: what was held up on its way catches up, or is still held up. */
const PACE_MIN = 0.7;
const PACE_MAX = 1.5;
/** The pace is known only where frames come evenly: a longer wait is one for what is held up, ms. */
const EVEN_MS = 150;
/** What another track did within this time, this one may have done with it, ms, … */
const TOGETHER_MS = 3_000;
/** … if it looks so to this, ms. */
const TOGETHER_DOUBT_MS = 700;
/** Behind a jump media continues with its usual step, if its arrival does not speak against that by this much, ms. */
const STEP_DOUBT_MS = 150;

/** Late media whose time on the way falls by this is catching up: its pace says nothing about its clock, ms. */
const CATCHING_UP_MS = 100;

/** Reports kept that wait for the media that they are about, and reports that are remembered. */
const AWAITING_MAX = 16;
const REMEMBERED_MAX = 16;

/**
 * The ingest believes the fastest packet of the last ten seconds: after a time in which the timestamps stood still, its
 * reports place media too early for that long.
 */
const REPORTS_AFTER_STANDSTILL = 12;

/** A time in which the clocks of a publisher's tracks stood still together. */
export interface Standstill {
  readonly ms: number;
  /** When that was found, ms, local. */
  readonly at: number;
}

/** What the tracks of a channel tell each other. */
export interface TracksInCommon {
  standstill: Standstill | undefined;
}

/** A stretch of timestamps between two jumps. */
interface Stretch {
  /** Own time minus the time of the timestamps, ms. */
  readonly shiftMs: number;
  oldestMs: number;
  newestMs: number;
}

/**
 * The own time of one source: that of its timestamps, in ms, without their jumps and the times at which they stood
 * still. It goes on while the source sends, whatever its timestamps do. Reports say how it relates to the ingest's clock
 * and to the publisher's.
 */
export class TrackTime {
  readonly #source: SourceTimeline;
  readonly #common: TracksInCommon;
  readonly #floor = new TransitFloor(WINDOW_MS);
  #ingest = new OffsetEstimate();
  /** The same for what is shown of it: slower to believe that media is old. */
  #age = new OffsetEstimate(REPORTS_AFTER_STANDSTILL);
  #sender = new OffsetEstimate();
  /** The current one, and the one before. */
  #stretches: [Stretch, Stretch | undefined] | undefined;
  #last: { readonly rawMs: number; readonly at: number; readonly isLate: boolean } | undefined;
  /** Least time on the way minus own time on another clock, as of the last report in which nothing was late, ms. */
  readonly #ways = new Map<"ingest" | "age" | "sender", number>();
  #newestMs = 0;
  #stepMs = 20;
  #late:
    | { readonly at: number; readonly ownMs: number; leastMs: number; newestAt: number }
    | undefined;
  /** The last time in which the clock stood still, as far as it seemed. */
  #inserted: { readonly ms: number; readonly floorMs: number } | undefined;
  /** The last one that counted here too. */
  #joined: Standstill | undefined;
  /**
   * Reports from before the first frame, and about media further ahead than any that arrived: whether it is behind a
   * jump is not known before.
   */
  #awaiting: IngestReport[] = [];
  /** The last reports, in order of arrival. */
  #remembered: IngestReport[] = [];

  /** @param common shared by the tracks of a channel */
  constructor(source: SourceTimeline, common: TracksInCommon = { standstill: undefined }) {
    this.#source = source;
    this.#common = common;
  }

  /** The newest own time, ms. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** Least time on the way: arrival minus own time, ms; undefined before the first frame. */
  floorMs(nowMs: number): number | undefined {
    return this.#floor.value(nowMs);
  }

  /** Own time on the ingest's clock, ms; undefined without a report. */
  ingestOffsetMs(ownMs: number): number | undefined {
    return this.#ingest.at(ownMs);
  }

  /** The same, for the age of media: not misled by an ingest that did not notice that a clock stood still. */
  ageOffsetMs(ownMs: number): number | undefined {
    return this.#age.at(ownMs);
  }

  /** Own time on the publisher's clock, ms; undefined without a sender report. */
  senderOffsetMs(ownMs: number): number | undefined {
    return this.#sender.at(ownMs);
  }

  /**
   * A frame arrived, in decoding order.
   *
   * @returns its own time, ms
   */
  arrived(ticks: number, nowMs: number): number {
    const rawMs = this.#source.msOf(ticks);
    if (this.#stretches === undefined) {
      this.#stretches = [{ shiftMs: 0, oldestMs: rawMs, newestMs: rawMs }, undefined];
      this.#newestMs = rawMs;
    } else if (this.#hasJumped(rawMs, nowMs)) {
      this.#continueAt(rawMs, this.#afterJump(nowMs));
    }
    const stretch = this.#extended(rawMs);
    this.#reportAwaiting();
    let ownMs = rawMs + stretch.shiftMs;
    const transit = nowMs - ownMs;
    const floor = this.#floor.value(nowMs) ?? transit;
    this.#last = { rawMs, at: nowMs, isLate: transit - floor >= LATE_MS };
    const insertedMs = this.#stoodStill(ownMs, transit, floor, nowMs);
    if (insertedMs > 0) {
      this.#noteInserted(insertedMs, ownMs, floor);
      ownMs += insertedMs;
      this.#continueAt(rawMs, ownMs);
    }
    if (ownMs > this.#newestMs) {
      const step = ownMs - this.#newestMs;
      if (step < JUMP_MS) this.#stepMs = step;
      this.#newestMs = ownMs;
    }
    if (this.#late === undefined) this.#floor.add(nowMs - ownMs, nowMs);
    this.#reconsider(nowMs - ownMs);
    return ownMs;
  }

  /** The ingest reports. */
  report(report: IngestReport): void {
    this.#remembered = [...this.#remembered, report].slice(-REMEMBERED_MAX);
    if (this.#stretches === undefined || this.#isAhead(report.rtpTimestamp))
      this.#awaiting = [...this.#awaiting, report].slice(-AWAITING_MAX);
    else this.#observe(report);
  }

  /** Those whose media has arrived. */
  #reportAwaiting(): void {
    if (this.#awaiting.length === 0) return;
    const [arrived, ahead]: [IngestReport[], IngestReport[]] = [[], []];
    for (const report of this.#awaiting)
      (this.#isAhead(report.rtpTimestamp) ? ahead : arrived).push(report);
    this.#awaiting = ahead;
    for (const report of arrived) this.#observe(report);
  }

  /** Whether a timestamp is so far ahead of all media that it may be one behind a jump. */
  #isAhead(timestamp: number): boolean {
    const rawMs = this.#rawMsOf(timestamp);
    const [current, before] = this.#stretches as [Stretch, Stretch | undefined];
    return (
      rawMs - current.newestMs > JUMP_MS &&
      (before === undefined || distance(before, rawMs) > JUMP_MS)
    );
  }

  #observe({ ingestMs, rtpTimestamp, sender }: IngestReport): void {
    const atMs = this.#ownMsOf(rtpTimestamp);
    this.#ingest.observe(atMs, ingestMs - atMs);
    this.#age.observe(atMs, ingestMs - atMs);
    if (sender !== undefined) this.#reportSender(sender);
    this.#noteWays();
  }

  #reportSender(sender: SenderTime): void {
    const sentMs = this.#ownMsOf(sender.rtpTimestamp);
    this.#sender.observe(sentMs, sender.ntpMs - sentMs);
  }

  /** How the least time on the way relates to what reports say, while nothing is late. */
  #noteWays(): void {
    if (this.#last?.isLate !== false) return;
    const floor = this.#floor.value(this.#last.at);
    if (floor === undefined) return;
    for (const [name, estimate] of this.#estimates()) {
      const offset = estimate.at(this.#newestMs);
      if (offset !== undefined) this.#ways.set(name, floor - offset);
    }
  }

  /**
   * The own time goes on `ms` later than the timestamps from `ownMs` on. Where reports have already said so, as they do
   * when they come before the media in a burst, it is not counted twice.
   */
  #noteInserted(ms: number, ownMs: number, floor: number): void {
    for (const [name, estimate] of this.#estimates()) {
      const way = this.#ways.get(name);
      const offset = estimate.at(ownMs);
      if (offset === undefined) continue;
      const since = way === undefined ? offset : floor - way;
      if (Math.abs(offset - since - ms) < Math.abs(offset - since)) estimate.shift(ms);
      else estimate.explain(ms);
    }
  }

  *#estimates(): Generator<["ingest" | "age" | "sender", OffsetEstimate]> {
    yield ["ingest", this.#ingest];
    yield ["age", this.#age];
    yield ["sender", this.#sender];
  }

  #ownMsOf(timestamp: number): number {
    const rawMs = this.#rawMsOf(timestamp);
    const [current, before] = this.#stretches as [Stretch, Stretch | undefined];
    const isBefore = before !== undefined && distance(before, rawMs) < distance(current, rawMs);
    return rawMs + (isBefore ? before : current).shiftMs;
  }

  #hasJumped(rawMs: number, nowMs: number): boolean {
    if (this.#last === undefined) return false;
    const stepMs = rawMs - this.#last.rawMs;
    const waitedMs = nowMs - this.#last.at;
    const most = Math.max(JUMP_MS, JUMP_STEPS * this.#stepMs);
    if (stepMs < -most) return true;
    if (stepMs - waitedMs < most) return false;
    // What was held up before, and is in time now, has not jumped.
    const shiftMs = this.#stretches?.[0].shiftMs ?? 0;
    const transit = nowMs - rawMs - shiftMs;
    // Neither has what seemed to stand still, and was only held up.
    const { ms, floorMs } = this.#inserted ?? { ms: 0, floorMs: 0 };
    if (ms > 0 && Math.abs(floorMs - ms - transit) < ms / 2) return false;
    if (transit >= (this.#floor.value(nowMs) ?? transit) - most) return false;
    return !this.#wentOn(rawMs, most);
  }

  /**
   * Whether the ingest saw the timestamps go on with time up to `rawMs`: then all that came before was held up on its
   * way, however fast the fastest of it was. @param most larger differences are jumps, ms
   */
  #wentOn(rawMs: number, most: number): boolean {
    const stretch = this.#stretches?.[0];
    if (stretch === undefined) return false;
    const rawMsOf = ({ rtpTimestamp }: IngestReport): number => this.#rawMsOf(rtpTimestamp);
    const before = this.#remembered.findLast((report) => {
      return rawMsOf(report) <= stretch.newestMs && rawMsOf(report) > stretch.oldestMs - most;
    });
    const after = this.#remembered.findLast((report) => {
      return rawMsOf(report) > stretch.newestMs && Math.abs(rawMsOf(report) - rawMs) < most;
    });
    if (before === undefined || after === undefined) return false;
    const passedMs = after.ingestMs - before.ingestMs;
    return Math.abs(rawMsOf(after) - rawMsOf(before) - passedMs) < most / 2;
  }

  #rawMsOf(timestamp: number): number {
    return this.#source.msOf(this.#source.near(timestamp));
  }

  /** Own time of the first frame behind a jump. */
  #afterJump(nowMs: number): number {
    const next = this.#newestMs + this.#stepMs;
    const byArrival = nowMs - (this.#floor.value(nowMs) ?? 0);
    return Math.abs(byArrival - next) > STEP_DOUBT_MS ? Math.max(byArrival, next) : next;
  }

  /** @returns for how long the source's clock has stood still, ms, as soon as that is certain */
  #stoodStill(ownMs: number, transit: number, floor: number, nowMs: number): number {
    if (transit - floor < LATE_MS) {
      this.#late = undefined;
      return 0;
    }
    const together = this.#stoodStillTogether(transit - floor, nowMs);
    if (together !== undefined) {
      this.#inserted = { ms: together.ms, floorMs: floor };
      this.#joined = together;
      return together.ms;
    }
    if (this.#late !== undefined) {
      const { at, newestAt, ownMs: beganMs } = this.#late;
      const isCatchingUp = transit < at - beganMs - CATCHING_UP_MS;
      if (nowMs - newestAt > EVEN_MS || isCatchingUp) this.#late = undefined;
    }
    this.#late ??= { at: nowMs, ownMs, leastMs: transit, newestAt: nowMs };
    const late = this.#late;
    late.newestAt = nowMs;
    late.leastMs = Math.min(late.leastMs, transit);
    const forMs = nowMs - late.at;
    if (forMs < LATE_FOR_MS) return 0;
    this.#late = undefined;
    const pace = (ownMs - late.ownMs) / forMs;
    if (pace < PACE_MIN || pace > PACE_MAX) return 0;
    const ms = late.leastMs - floor;
    this.#inserted = { ms, floorMs: floor };
    this.#joined = { ms, at: nowMs };
    this.#common.standstill = this.#joined;
    return ms;
  }

  /** What is inserted into one track is inserted into the others, exactly: they stay in sync, right or wrong. */
  #stoodStillTogether(lateMs: number, nowMs: number): Standstill | undefined {
    const { standstill } = this.#common;
    if (standstill === undefined || standstill === this.#joined) return undefined;
    if (nowMs - standstill.at > TOGETHER_MS) return undefined;
    return Math.abs(lateMs - standstill.ms) < TOGETHER_DOUBT_MS ? standstill : undefined;
  }

  /** Media that comes early after all was held up on its way: how its time relates to other clocks is open again. */
  #reconsider(transit: number): void {
    const inserted = this.#inserted;
    if (inserted === undefined || transit > inserted.floorMs - inserted.ms / 2) return;
    this.#inserted = undefined;
    this.#ingest = new OffsetEstimate();
    this.#age = new OffsetEstimate(REPORTS_AFTER_STANDSTILL);
    this.#sender = new OffsetEstimate();
  }

  #continueAt(rawMs: number, ownMs: number): void {
    const stretch = { shiftMs: ownMs - rawMs, oldestMs: rawMs, newestMs: rawMs };
    this.#stretches = [stretch, this.#stretches?.[0]];
    this.#late = undefined;
  }

  #extended(rawMs: number): Stretch {
    const [stretch] = this.#stretches as [Stretch, Stretch | undefined];
    stretch.oldestMs = Math.min(stretch.oldestMs, rawMs);
    stretch.newestMs = Math.max(stretch.newestMs, rawMs);
    return stretch;
  }
}

/** How far a time is from a stretch, ms; 0 within. */
function distance({ oldestMs, newestMs }: Stretch, ms: number): number {
  return Math.max(0, oldestMs - ms, ms - newestMs);
}
