import type { IngestReport, SourceTimeline } from "./source-timeline.ts";

/** Publisher clocks that differ by more than this are different clocks, and cannot be used for lip-sync, ms. */
const SAME_CLOCK_MS = 1_000;
/** A publisher clock without reports is given up after this, ms. */
const STALE_MS = 5_000;
/** Share of a new observation in the smoothed clock offset. */
const SMOOTHING = 0.1;

/**
 * One media time for all tracks of a channel: ms on the ingest's clock, kept in lip-sync by the publisher's sender
 * reports.
 *
 * Arrival at the ingest alone is not in sync: an encoder may delay video more than audio. So tracks whose
 * publishers share a clock are placed by it, and that clock as a whole is placed on the ingest's.
 */
export class MediaTimeline {
  #offset: { ms: number; readonly at: number } | undefined;
  readonly #synchronised = new WeakSet<SourceTimeline>();

  /**
   * Adds a report of the ingest about `source`.
   *
   * @param nowMs monotonic, local
   */
  report(source: SourceTimeline, report: IngestReport, nowMs: number): void {
    source.report(report, nowMs);
    const ms = source.senderOffsetMs;
    if (ms === undefined) {
      this.#synchronised.delete(source);
      return;
    }
    const known = this.#offset;
    if (known === undefined || nowMs - known.at > STALE_MS) {
      this.#offset = { ms, at: nowMs };
    } else if (Math.abs(ms - known.ms) <= SAME_CLOCK_MS) {
      this.#offset = { ms: known.ms + (ms - known.ms) * SMOOTHING, at: nowMs };
    } else {
      this.#synchronised.delete(source);
      return;
    }
    this.#synchronised.add(source);
  }

  /** Media time of `ticks` of `source`, ms; undefined before its first report. */
  mediaMsOf(source: SourceTimeline, ticks: number): number | undefined {
    const ntpMs = source.ntpMsOf(ticks);
    if (ntpMs === undefined || this.#offset === undefined || !this.#synchronised.has(source)) {
      return source.ingestMsOf(ticks);
    }
    return ntpMs + this.#offset.ms;
  }
}
