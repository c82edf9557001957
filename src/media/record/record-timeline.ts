import type { IngestReport, SourceTimeline } from "../../channel/playout/index.ts";

/** Publisher clocks that differ by more than this are different clocks, ms: encoders delay video for seconds. */
const SAME_CLOCK_MS = 10_000;

/**
 * One time for all tracks of a recorded channel, ms: the publisher's clock where known, starting at the ingest time of
 * its first report. Unlike a player's time, it does not follow the delay between publisher and ingest.
 */
export class RecordTimeline {
  /** Ingest clock minus publisher clock, ms, by the first report. */
  #offsetMs: number | undefined;

  /** Adds a report of the ingest about `source`. @param nowMs monotonic, local */
  report(source: SourceTimeline, report: IngestReport, nowMs: number): void {
    source.report(report, nowMs);
  }

  /** Time of `ticks` of `source`; undefined before its first report. */
  mediaMsOf(source: SourceTimeline, ticks: number): number | undefined {
    const ntpMs = source.ntpMsOf(ticks);
    const offsetMs = source.senderOffsetMs;
    if (ntpMs === undefined || offsetMs === undefined) return source.ingestMsOf(ticks);
    this.#offsetMs ??= offsetMs;
    const isSameClock = Math.abs(offsetMs - this.#offsetMs) <= SAME_CLOCK_MS;
    return isSameClock ? ntpMs + this.#offsetMs : source.ingestMsOf(ticks);
  }
}
