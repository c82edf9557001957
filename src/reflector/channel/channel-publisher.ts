import type { Track } from "../../wire/index.ts";

/** Names one flow of packets of a channel. */
export interface SourceId {
  /** u32, the header's source id. */
  readonly source: number;
  /** u8, the header's source generation. */
  readonly generation: number;
  /** u8, the header's medium. */
  readonly medium: number;
}

/** Where a source stood at an instant, for latency and lip-sync. */
export interface SourceReport extends SourceId {
  /** The ingest's monotonic clock, ms. */
  readonly ingestMs: number;
  /** u32, the RTP timestamp that belongs to `ingestMs`. */
  readonly rtpTimestamp: number;
  /** The publisher's last RTCP sender report packet; empty when there was none. */
  readonly rtcp: Uint8Array;
}

/** What an ingest publishes a channel through. Calls after `close` do nothing. */
export interface ChannelPublisher {
  /** For the headers of packets. */
  readonly channelId: number;
  /** Takes one packet, made by encodePacket for this channel. Borrowed for ever. Duplicates by identity are dropped and counted. */
  publish(packet: Uint8Array): void;
  /** Tells what the channel carries; cheap when nothing changed. Call on change, and every second so that newcomers over lossy links learn it. */
  describe(tracks: readonly Track[]): void;
  report(report: SourceReport): void;
  /** `count` sequence numbers from `sequence` on never reached the ingest. */
  gap(source: SourceId, sequence: number, count: number): void;
  bye(source: SourceId): void;
  close(): void;
}
