import { serialDistance } from "../../base/index.ts";
import type { IngestReport, SenderTime, SourceTimeline } from "../../channel/playout/index.ts";

/** Publisher clocks that differ by more than this are different clocks, ms: encoders delay video for seconds. */
const SAME_CLOCK_MS = 10_000;
/** A report this far from the one before shows another time base, ms. */
const JUMP_MS = 500;
/** Time bases of a source that are remembered: frames may be late by a few reports. */
const BASES_MAX = 8;
/** A report covers frames this far from its position: there is one each second, ms. */
const COVERED_MS = 1_500;
/** Sender reports agree if they differ by less, ms. */
const AGREEMENT_MS = 100;
/** Sender reports that drift is measured by, and the time between the first and the last of them, ms. */
const SENT_MAX = 6;
const DRIFT_MS_MIN = 2_500;
/** Less is not drift, but jitter; more is something else. */
const DRIFT_MIN = 0.003;
const DRIFT_MAX = 0.06;
/** Reports that are remembered of a time base: they may be so many seconds ahead of frames that were held up. */
const REPORTED_MAX = 16;
/** Drift is assumed to go on for this long, ms. */
const AHEAD_MS_MAX = 5_000;
/** A sender report that contradicts those before counts when as many have agreed with it. */
const CONFIRMATIONS = 3;
/** Publisher clocks that are remembered, and sources that are compared. */
const CLOCKS_MAX = 8;
const SOURCES_MAX = 16;

/** How a source's media clock relates to other clocks, for as long as its timestamps do not jump. */
export interface TimeBase {
  /** When it was reported first: the ingest's clock, ms. */
  readonly sinceMs: number;
  /** The first position reported, ticks, and the newest one. */
  readonly startTicks: number;
  reachedTicks: number;
  /** Ingest clock minus media clock, ms, by the newest report. */
  ingestOffsetMs: number;
  /** The same by each of the last reports, oldest first. */
  readonly reported: { readonly ticks: number; readonly offsetMs: number }[];
  /** Channel time minus media clock by the publisher's clock, by its sender reports, oldest first. */
  readonly sent: { readonly ticks: number; readonly offsetMs: number }[];
}

/** What is known of one source. */
interface SourceTimes {
  /** Oldest first, at least one. */
  readonly bases: TimeBase[];
  /** Ingest time of the last report, ms. */
  reportedMs: number;
  /** Media clock to publisher's clock, ms, of the newest base; undefined without a sender report. */
  ntpOffsetMs: number | undefined;
  /** The same of the base before that, if there was a sender report. */
  pastNtpOffsetMs: number | undefined;
  /** A different one, how many reports agree with it, and the ingest time of the first of them, ms. */
  doubted:
    | { readonly ntpOffsetMs: number; readonly count: number; readonly sinceMs: number }
    | undefined;
  /** Ingest clock minus publisher's clock that places it, one of {@link RecordTimeline}'s, ms. */
  clockMs: number | undefined;
  /** The same by the arrival of what its last sender report was about, ms. */
  arrivedMs: number;
  /** Ingest time of the last sender report that agreed with those before it, ms, and how many have. */
  agreedMs: number;
  agreed: number;
  /** The last sender report, which the ingest repeats until there is another. */
  last: SenderTime | undefined;
  isSynchronised: boolean;
  hasEnded: boolean;
}

/**
 * One time for all tracks of a recorded channel, ms: the publisher's clock where known, starting at the ingest time of
 * its first report. Unlike a player's time, it does not follow the delay between publisher and ingest. Sender reports
 * are evidence: one alone that contradicts those before it has no effect.
 */
export class RecordTimeline {
  readonly #sources = new WeakMap<SourceTimeline, SourceTimes>();
  /** The sources that were reported last, the newest at the end. */
  #recent: SourceTimes[] = [];
  /** Ingest clock minus publisher clock, ms, of each publisher clock seen, by its first report. */
  readonly #clocks: number[] = [];

  /** Adds a report of the ingest about `source`. */
  report(source: SourceTimeline, report: IngestReport, _nowMs?: number): void {
    const { ingestMs, rtpTimestamp, sender } = report;
    const ticks = source.unwrap(rtpTimestamp);
    const ingestOffsetMs = ingestMs - source.msOf(ticks);
    const times = this.#sources.get(source) ?? {
      ...{ bases: [], ntpOffsetMs: undefined, pastNtpOffsetMs: undefined },
      ...{ doubted: undefined, last: undefined, reportedMs: ingestMs },
      ...{ clockMs: undefined, arrivedMs: 0, agreedMs: Number.NEGATIVE_INFINITY, agreed: 0 },
      ...{ isSynchronised: false, hasEnded: false },
    };
    times.reportedMs = ingestMs;
    this.#sources.set(source, times);
    this.#recent = [...this.#recent.filter((each) => each !== times), times].slice(-SOURCES_MAX);
    const newest = times.bases.at(-1);
    if (newest !== undefined && Math.abs(ingestOffsetMs - newest.ingestOffsetMs) <= JUMP_MS) {
      newest.ingestOffsetMs = ingestOffsetMs;
      if (ticks > newest.reachedTicks) {
        newest.reported.push({ ticks, offsetMs: ingestOffsetMs });
        if (newest.reported.length > REPORTED_MAX) newest.reported.shift();
      }
      newest.reachedTicks = Math.max(newest.reachedTicks, ticks);
    } else {
      // A sender report from before the jump says nothing about the new base.
      times.pastNtpOffsetMs = times.ntpOffsetMs ?? times.pastNtpOffsetMs;
      times.ntpOffsetMs = undefined;
      times.doubted = undefined;
      times.bases.push({
        ...{ sinceMs: ingestMs, startTicks: ticks, reachedTicks: ticks },
        ...{ ingestOffsetMs, reported: [{ ticks, offsetMs: ingestOffsetMs }], sent: [] },
      });
      if (times.bases.length > BASES_MAX) times.bases.shift();
    }
    if (sender === undefined || isSame(sender, times.last)) return;
    times.last = sender;
    const senderTicks = ticks + serialDistance(rtpTimestamp, sender.rtpTimestamp, 32);
    this.#sent(times, senderTicks, sender.ntpMs - source.msOf(senderTicks), ingestMs);
  }

  /** Nothing more of `source` comes; what comes late is placed as before. */
  ended(source: SourceTimeline): void {
    const times = this.#sources.get(source);
    if (times !== undefined) times.hasEnded = true;
  }

  /** True once the publisher has reported how the source relates to its other tracks. */
  isSynchronised(source: SourceTimeline): boolean {
    return this.#sources.get(source)?.isSynchronised === true;
  }

  /**
   * The time base that a frame of `source` belongs to; undefined before the first report. Frames come in order, reports
   * about them earlier or later.
   *
   * @param before that of the frame before it, at `beforeTicks`
   */
  baseOf(
    source: SourceTimeline,
    ticks: number,
    before: TimeBase | undefined,
    beforeTicks: number,
  ): TimeBase | undefined {
    const bases = this.#sources.get(source)?.bases ?? [];
    let found = before;
    for (const base of bases.slice(before === undefined ? 0 : bases.indexOf(before) + 1)) {
      const behind = source.msOf(ticks - base.startTicks);
      const isBegun = behind >= 0 && behind <= COVERED_MS;
      const isNearer = Math.abs(ticks - base.startTicks) < Math.abs(ticks - beforeTicks);
      const isUnderway =
        base.reachedTicks !== base.startTicks &&
        Math.abs(source.msOf(ticks - base.reachedTicks)) <= COVERED_MS;
      // Reports may be far ahead of frames that waited for others, which are missing.
      const isWithin = behind >= 0 && this.covers(source, base, ticks);
      const isBehind = found !== undefined && !this.covers(source, found, ticks) && isWithin;
      if (found === undefined || isBegun || isNearer || isUnderway || isBehind) found = base;
    }
    return found;
  }

  /** The first time base that is remembered: of frames that came before any report. */
  firstBase(source: SourceTimeline): TimeBase | undefined {
    return this.#sources.get(source)?.bases[0];
  }

  /** The time base that holds now; undefined before the first report. */
  newestBase(source: SourceTimeline): TimeBase | undefined {
    return this.#sources.get(source)?.bases.at(-1);
  }

  /** Whether a report shows that `ticks` belong to a time base, and do not jump. */
  covers(source: SourceTimeline, base: TimeBase, ticks: number): boolean {
    return source.msOf(ticks - base.reachedTicks) <= COVERED_MS;
  }

  /** For how long a time base has been reported, ms of the ingest's clock. */
  reportedMs(source: SourceTimeline, { ingestOffsetMs, reachedTicks, sinceMs }: TimeBase): number {
    return source.msOf(reachedTicks) + ingestOffsetMs - sinceMs;
  }

  /**
   * Ingest clock minus media clock at `ticks` of `base`, ms. Clocks drift: reports that are ahead of a frame say what
   * will hold, and not what holds.
   */
  ingestOffsetAt({ ingestOffsetMs, reported }: TimeBase, ticks: number): number {
    const after = reported.findIndex((each) => each.ticks >= ticks);
    const next = reported[after];
    const last = reported[after - 1];
    if (next === undefined) return ingestOffsetMs;
    if (last === undefined) return next.offsetMs;
    const share = (ticks - last.ticks) / (next.ticks - last.ticks);
    return last.offsetMs + share * (next.offsetMs - last.offsetMs);
  }

  /**
   * Channel time minus media clock at `ticks` of `base` of `source`, ms; undefined while only sender reports could tell, as those
   * before did, and none has come since the time base changed.
   */
  offsetOf(source: SourceTimeline, base: TimeBase, ticks: number): number | undefined {
    const newest = base.sent.at(-1);
    const oldest = base.sent[0];
    if (newest === undefined || oldest === undefined)
      return this.isSynchronised(source) ? undefined : base.ingestOffsetMs;
    // A media clock that runs too fast or slow goes on so until the next report.
    const spanMs = source.msOf(newest.ticks - oldest.ticks);
    const drift = spanMs < DRIFT_MS_MIN ? 0 : (newest.offsetMs - oldest.offsetMs) / spanMs;
    const isDrift = Math.abs(drift) >= DRIFT_MIN && Math.abs(drift) <= DRIFT_MAX;
    const aheadMs = Math.min(AHEAD_MS_MAX, Math.max(0, source.msOf(ticks - newest.ticks)));
    return newest.offsetMs + (isDrift ? drift * aheadMs : 0);
  }

  #sent(times: SourceTimes, ticks: number, ntpOffsetMs: number, ingestMs: number): void {
    const { doubted, ntpOffsetMs: known } = times;
    const isOther = known !== undefined && Math.abs(ntpOffsetMs - known) > AGREEMENT_MS;
    if (isOther) {
      const isAgain =
        doubted !== undefined && Math.abs(ntpOffsetMs - doubted.ntpOffsetMs) <= AGREEMENT_MS;
      const count = isAgain ? doubted.count + 1 : 1;
      const sinceMs = isAgain ? doubted.sinceMs : ingestMs;
      times.doubted = { ntpOffsetMs, count, sinceMs };
      if (count < CONFIRMATIONS) return;
    } else {
      times.agreedMs = ingestMs;
    }
    const { ingestOffsetMs, sent } = times.bases.at(-1) as TimeBase;
    const arrivedMs = ingestOffsetMs - ntpOffsetMs;
    // Reports that are followed by another time base, and others that contradict them, were wrong: if there was one, or
    // if timestamps have jumped and no track is still placed by them.
    const isLate = Math.abs(arrivedMs - times.arrivedMs) > JUMP_MS;
    const hasJumped = Math.abs(ntpOffsetMs - (times.pastNtpOffsetMs ?? ntpOffsetMs)) > JUMP_MS;
    const isBound = this.#isConfirmed(times.clockMs) && (!hasJumped || this.#isInUse(times));
    const isOpen = known === undefined && isLate && !isBound;
    const clockMs =
      isOther || (isOpen && times.clockMs !== undefined)
        ? this.#otherClockOf(times, ntpOffsetMs)
        : this.#clockOf(times, ntpOffsetMs);
    times.doubted = undefined;
    if (clockMs === undefined) return;
    times.agreed = times.clockMs === clockMs ? times.agreed + 1 : 1;
    times.arrivedMs = arrivedMs;
    times.ntpOffsetMs = ntpOffsetMs;
    times.clockMs = clockMs;
    times.isSynchronised = true;
    if (isOther) sent.length = 0;
    sent.push({ ticks, offsetMs: ntpOffsetMs + clockMs });
    if (sent.length > SENT_MAX) sent.shift();
  }

  /** The clock of a source whose reports do not contradict each other; undefined: it is unrelated to the others. */
  #clockOf(times: SourceTimes, ntpOffsetMs: number): number | undefined {
    const base = times.bases.at(-1) as TimeBase;
    const arrivedMs = base.ingestOffsetMs - ntpOffsetMs;
    const isSame = (each: number): boolean => Math.abs(each - arrivedMs) <= SAME_CLOCK_MS;
    if (times.clockMs !== undefined && isSame(times.clockMs)) return times.clockMs;
    const alike = this.#clocks.filter(isSame);
    // One that a single report tells of may be that report's error.
    const same = alike.findLast((each) => this.#isConfirmed(each)) ?? alike.at(-1);
    // Where only what has ended was placed by that clock, one report moves nothing that is placed already.
    if (same !== undefined && times.clockMs === undefined && !this.#isPlacing(same, times))
      return Math.abs(same - arrivedMs) <= JUMP_MS ? same : this.#addClock(arrivedMs);
    if (same !== undefined) return same;
    const before = base.sent.at(-1)?.offsetMs;
    if (before !== undefined) return this.#addClock(before - ntpOffsetMs);
    return this.#clocks.length === 0 ? this.#addClock(arrivedMs) : undefined;
  }

  /**
   * The clock of a source that lastingly contradicts what it reported before. Either that was wrong for this source
   * alone, then it moves to where the others are; or the publisher's clock was set, or all its first reports were
   * wrong: then every source keeps its place, for a clock as a whole may be placed anywhere.
   */
  #otherClockOf(times: SourceTimes, ntpOffsetMs: number): number {
    const { clockMs, doubted } = times;
    const base = times.bases.at(-1) as TimeBase;
    const sinceMs = doubted?.sinceMs ?? Number.POSITIVE_INFINITY;
    const isOnlyOne = this.#recent.some(
      (each) => each !== times && each.clockMs === clockMs && each.agreedMs > sinceMs,
    );
    const arrivedMs = base.ingestOffsetMs - ntpOffsetMs;
    if (isOnlyOne && clockMs !== undefined && Math.abs(clockMs - arrivedMs) <= SAME_CLOCK_MS)
      return clockMs;
    const before = base.sent.at(-1)?.offsetMs;
    const keptMs =
      before === undefined ? arrivedMs - times.arrivedMs + (clockMs ?? 0) : before - ntpOffsetMs;
    const [nearest] = this.#clocks.toSorted(
      (left, right) => Math.abs(left - keptMs) - Math.abs(right - keptMs),
    );
    // Less is followed without a gap.
    if (nearest !== undefined && Math.abs(nearest - keptMs) <= JUMP_MS) return nearest;
    return this.#addClock(keptMs);
  }

  /** Whether a source has reported more than once by that clock. */
  #isConfirmed(clockMs: number | undefined): boolean {
    return this.#recent.some((each) => each.clockMs === clockMs && each.agreed > 1);
  }

  /** Whether the clock of a source places another one, which goes on since the source has another time base. */
  #isInUse({ bases, clockMs }: SourceTimes): boolean {
    const sinceMs = bases.at(-1)?.sinceMs ?? 0;
    return this.#recent.some((each) => {
      return (
        each.clockMs === clockMs && each.ntpOffsetMs !== undefined && each.reportedMs > sinceMs
      );
    });
  }

  /** Whether a clock places another source that has not ended. */
  #isPlacing(clockMs: number, begun: SourceTimes): boolean {
    return this.#recent.some(
      (each) => each !== begun && each.clockMs === clockMs && !each.hasEnded,
    );
  }

  #addClock(clockMs: number): number {
    this.#clocks.push(clockMs);
    if (this.#clocks.length > CLOCKS_MAX) this.#clocks.shift();
    return clockMs;
  }
}

function isSame(left: SenderTime, right: SenderTime | undefined): boolean {
  return left.ntpMs === right?.ntpMs && left.rtpTimestamp === right.rtpTimestamp;
}
