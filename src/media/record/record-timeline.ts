import type { IngestReport, SourceTimeline } from "../../channel/playout/index.ts";

/** Publisher clocks that differ by more than this are not the same clock, ms: encoders hold pictures for seconds. */
const SAME_CLOCK_MS = 10_000;

/**
 * One time for all tracks of a channel that is recorded, in ms: the publisher's clock where it tells it, from where it stood
 * on the ingest's when it was first heard. Unlike a player's, it does not follow how long media took to the ingest.
 */
export class RecordTimeline {
  /** Ingest clock minus publisher clock, ms, as first heard. */
  #offsetMs: number | undefined;

  /** Takes a report of the ingest for `source`. @param nowMs monotonic, local */
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
