import type { Track } from "../../wire/index.ts";

/** Identifies one flow of packets of a channel. */
export interface SourceId {
  /** u32, the header's source id. */
  readonly source: number;
  /** u8, the header's source generation. */
  readonly generation: number;
  /** u8, the header's medium. */
  readonly medium: number;
}

/** The position of a source at one instant, for latency and lip-sync. */
export interface SourceReport extends SourceId {
  /** The ingest's monotonic clock, ms. */
  readonly ingestMs: number;
  /** u32, the RTP timestamp that belongs to `ingestMs`. */
  readonly rtpTimestamp: number;
  /** The publisher's last RTCP sender report packet; empty when there was none. */
  readonly rtcp: Uint8Array;
}

/** How a channel is published at this site. Calls after `close` have no effect. */
export interface ChannelPublisher {
  /** For the headers of packets. */
  readonly channelId: number;
  /**
   * Publishes one packet, made by `encodePacket` for this channel. Retained: never modify it. Duplicates are dropped
   * and counted.
   */
  publish(packet: Uint8Array): void;
  /**
   * Announces what the channel carries; cheap when nothing changed. Call on change, and every second for lossy links.
   */
  describe(tracks: readonly Track[]): void;
  report(report: SourceReport): void;
  /** `count` sequence numbers from `sequence` on never reached the ingest. */
  gap(source: SourceId, sequence: number, count: number): void;
  bye(source: SourceId): void;
  close(): void;
}
