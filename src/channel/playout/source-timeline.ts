import { assert, serialDistance } from "../../base/index.ts";
import { SlidingMinimum } from "./sliding-minimum.ts";

/** Reports arrive every second; ten of them smooth out the jitter between publisher and ingest. */
const REPORT_WINDOW_MS = 10_000;
/** A report this far from the earlier ones begins a new time base, ms. */
const JUMP_MS = 1_000;

/** A publisher's sender report (RFC 3550 §6.4.1): its wall clock and its media clock at one instant. */
export interface SenderTime {
  /** ms since 1970 by the publisher's clock. */
  readonly ntpMs: number;
  /** u32. */
  readonly rtpTimestamp: number;
}

/** What the ingest reports about a source once a second. */
export interface IngestReport {
  /** ms, the ingest's monotonic clock. */
  readonly ingestMs: number;
  /** u32, the RTP timestamp at that instant. */
  readonly rtpTimestamp: number;
  /** The publisher's last sender report, if any. */
  readonly sender: SenderTime | undefined;
}

/** Converts a source's RTP timestamps to time: by the ingest's clock, and by the publisher's. */
export class SourceTimeline {
  /** Ticks per second. */
  readonly clockRate: number;
  #newestTicks: number | undefined;
  readonly #ingestOffsets = new SlidingMinimum(REPORT_WINDOW_MS);
  #ingestOffsetMs: number | undefined;
  #sender: { readonly ntpMs: number; readonly ticks: number } | undefined;

  /** @param clockRate > 0 */
  constructor(clockRate: number) {
    assert(clockRate > 0, "a media clock runs");
    this.clockRate = clockRate;
  }

  /** An RTP timestamp (u32, wraps) as ticks that do not wrap: it lies within 2^31 ticks of the one before. */
  unwrap(timestamp: number): number {
    const ticks =
      this.#newestTicks === undefined
        ? timestamp
        : this.#newestTicks + serialDistance(this.#newestTicks >>> 0, timestamp, 32);
    this.#newestTicks = ticks;
    return ticks;
  }

  /**
   * A timestamp of a report as ticks that do not wrap, near those of the newest frame. Frames are not told by it where
   * they are: reports may name any time.
   */
  near(timestamp: number): number {
    return this.#newestTicks === undefined
      ? this.unwrap(timestamp)
      : this.#newestTicks + serialDistance(this.#newestTicks >>> 0, timestamp, 32);
  }

  /** Ticks as ms of this source's own media clock. */
  msOf(ticks: number): number {
    return (ticks * 1000) / this.clockRate;
  }

  /**
   * Adds a report of the ingest: at `ingestMs` of its clock the medium stood at `rtpTimestamp`.
   *
   * @param nowMs monotonic, local
   */
  report(report: IngestReport, nowMs: number): void {
    const offset = report.ingestMs - this.msOf(this.near(report.rtpTimestamp));
    if (this.#ingestOffsetMs !== undefined && Math.abs(offset - this.#ingestOffsetMs) > JUMP_MS) {
      this.#ingestOffsets.clear();
      this.#sender = undefined;
    }
    // The least delayed packet shows best when media was ingested: the smallest offset of the window.
    this.#ingestOffsets.add(offset, nowMs);
    this.#ingestOffsetMs = this.#ingestOffsets.value(nowMs);
    const { sender } = report;
    if (sender !== undefined)
      this.#sender = { ntpMs: sender.ntpMs, ticks: this.near(sender.rtpTimestamp) };
  }

  /** When the media was ingested, in ms of the ingest's clock; undefined before the first report. */
  ingestMsOf(ticks: number): number | undefined {
    return this.#ingestOffsetMs === undefined ? undefined : this.msOf(ticks) + this.#ingestOffsetMs;
  }

  /** When the publisher captured it, in ms since 1970 by its clock; undefined without a sender report. */
  ntpMsOf(ticks: number): number | undefined {
    return this.#sender === undefined
      ? undefined
      : this.#sender.ntpMs + this.msOf(ticks - this.#sender.ticks);
  }

  /** Ingest clock minus publisher clock, ms; undefined without a sender report. */
  get senderOffsetMs(): number | undefined {
    if (this.#sender === undefined) return undefined;
    const ingestMs = this.ingestMsOf(this.#sender.ticks);
    return ingestMs === undefined ? undefined : ingestMs - this.#sender.ntpMs;
  }
}
