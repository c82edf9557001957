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
/** Drift is assumed to go on for this long, ms. */
const AHEAD_MS_MAX = 5_000;
/** A sender report that contradicts those before counts when as many have agreed with it. */
const CONFIRMATIONS = 3;

/** How a source's media clock relates to other clocks, for as long as its timestamps do not jump. */
export interface TimeBase {
  /** The first position reported, ticks, and the newest one. */
  readonly startTicks: number;
  reachedTicks: number;
  /** Ingest clock minus media clock, ms. */
  ingestOffsetMs: number;
  /** Channel time minus media clock by the publisher's clock, by its sender reports, oldest first. */
  readonly sent: { readonly ticks: number; readonly offsetMs: number }[];
}

/** What is known of one source. */
interface SourceTimes {
  /** Oldest first, at least one. */
  readonly bases: TimeBase[];
  /** Media clock to publisher's clock, ms, of the newest base; undefined without a sender report. */
  ntpOffsetMs: number | undefined;
  /** A different one, and how many reports agree with it. */
  doubted: { readonly ntpOffsetMs: number; readonly count: number } | undefined;
  /** The last sender report, which the ingest repeats until there is another. */
  last: SenderTime | undefined;
  isSynchronised: boolean;
}

/**
 * One time for all tracks of a recorded channel, ms: the publisher's clock where known, starting at the ingest time of
 * its first report. Unlike a player's time, it does not follow the delay between publisher and ingest. Sender reports
 * are evidence: one alone that contradicts those before it has no effect.
 */
export class RecordTimeline {
  readonly #sources = new WeakMap<SourceTimeline, SourceTimes>();
  /** Ingest clock minus publisher clock, ms, of each publisher clock seen, by its first report. */
  readonly #clocks: number[] = [];

  /** Adds a report of the ingest about `source`. */
  report(source: SourceTimeline, report: IngestReport, _nowMs?: number): void {
    const { ingestMs, rtpTimestamp, sender } = report;
    const ticks = source.unwrap(rtpTimestamp);
    const ingestOffsetMs = ingestMs - source.msOf(ticks);
    const times = this.#sources.get(source) ?? {
      ...{ bases: [], ntpOffsetMs: undefined, doubted: undefined, last: undefined },
      isSynchronised: false,
    };
    this.#sources.set(source, times);
    const newest = times.bases.at(-1);
    if (newest !== undefined && Math.abs(ingestOffsetMs - newest.ingestOffsetMs) <= JUMP_MS) {
      newest.ingestOffsetMs = ingestOffsetMs;
      newest.reachedTicks = Math.max(newest.reachedTicks, ticks);
    } else {
      // A sender report from before the jump says nothing about the new base.
      times.ntpOffsetMs = undefined;
      times.doubted = undefined;
      times.bases.push({
        ...{ startTicks: ticks, reachedTicks: ticks },
        ...{ ingestOffsetMs, sent: [] },
      });
      if (times.bases.length > BASES_MAX) times.bases.shift();
    }
    if (sender === undefined || isSame(sender, times.last)) return;
    times.last = sender;
    const senderTicks = ticks + serialDistance(rtpTimestamp, sender.rtpTimestamp, 32);
    this.#sent(times, senderTicks, sender.ntpMs - source.msOf(senderTicks));
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
      if (found === undefined || isBegun || isNearer || isUnderway) found = base;
    }
    return found;
  }

  /** The time base that holds now; undefined before the first report. */
  newestBase(source: SourceTimeline): TimeBase | undefined {
    return this.#sources.get(source)?.bases.at(-1);
  }

  /** Whether a report shows that `ticks` belong to a time base, and do not jump. */
  covers(source: SourceTimeline, base: TimeBase, ticks: number): boolean {
    return source.msOf(ticks - base.reachedTicks) <= COVERED_MS;
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

  #sent(times: SourceTimes, ticks: number, ntpOffsetMs: number): void {
    const known = times.ntpOffsetMs;
    if (known !== undefined && Math.abs(ntpOffsetMs - known) > AGREEMENT_MS) {
      const { doubted } = times;
      const isAgain =
        doubted !== undefined && Math.abs(ntpOffsetMs - doubted.ntpOffsetMs) <= AGREEMENT_MS;
      const count = isAgain ? doubted.count + 1 : 1;
      times.doubted = { ntpOffsetMs, count };
      if (count < CONFIRMATIONS) return;
    }
    times.doubted = undefined;
    const base = times.bases.at(-1) as TimeBase;
    const before = base.sent.at(-1)?.offsetMs;
    const isOther = known !== undefined && Math.abs(ntpOffsetMs - known) > AGREEMENT_MS;
    const clockMs = base.ingestOffsetMs - ntpOffsetMs;
    let same = this.#clocks.find((each) => Math.abs(each - clockMs) <= SAME_CLOCK_MS);
    if (same === undefined) {
      // The publisher's clock was set: its tracks keep their place. Or it is a publisher with another clock.
      same = before === undefined ? clockMs : before - ntpOffsetMs;
      if (this.#clocks.length === 0 || before !== undefined) this.#clocks.push(same);
      else return;
    }
    times.ntpOffsetMs = ntpOffsetMs;
    times.isSynchronised = true;
    if (isOther) base.sent.length = 0;
    base.sent.push({ ticks, offsetMs: ntpOffsetMs + same });
    if (base.sent.length > SENT_MAX) base.sent.shift();
  }
}

function isSame(left: SenderTime, right: SenderTime | undefined): boolean {
  return left.ntpMs === right?.ntpMs && left.rtpTimestamp === right.rtpTimestamp;
}
