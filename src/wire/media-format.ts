/** What every RTP payload format is to the rest: frames in, payloads out, and back. */
import type { RtpPacket } from "./rtp.ts";

/** What a decoder takes in one go: an H.264 access unit in Annex B form, a VP8 frame, an Opus packet. */
export interface Frame {
  /** Its own memory, not borrowed. */
  readonly bytes: Uint8Array;
  /** u32, RTP ticks, wraps. */
  readonly timestamp: number;
  /** A decoder can start here. Every audio frame is one. */
  readonly key: boolean;
}

/** Cuts frames into RTP payloads. Keeps what the format counts from frame to frame. */
export interface Packetizer {
  /**
   * The payloads of one frame, in order; none for a frame without content. For video the RTP marker belongs on the last.
   *
   * Payloads may be borrowed from `frame.bytes`.
   */
  packetize(frame: { readonly bytes: Uint8Array; readonly key: boolean }): Uint8Array[];
}

/** Puts frames together again. Takes the packets of one source in sequence order; never throws. */
export interface Depacketizer {
  /** Takes one packet, borrowed until return. The frame that it completed, if any; {@link more} has a second one. */
  push(packet: RtpPacket): Frame | undefined;
  /** A further frame that the last push completed: a frame without a marker ends where the next begins. */
  more(): Frame | undefined;
  /** Packets are missing before the next one. */
  lost(): void;
  /** Frames of which something came, but not all or not sound. */
  readonly dropped: number;
}

/** What an ingest has to know about one payload. */
export interface PayloadFacts {
  /** It begins a NAL unit, or a frame. */
  readonly begin: boolean;
  /** It belongs to what a decoder needs to start. For VP8 only the first packet of a frame tells. */
  readonly keyframe: boolean;
  /** No other frame needs it. */
  readonly discardable: boolean;
  /** Parameter sets that it holds, whole, copied; H.264 only. */
  readonly parameterSets: readonly Uint8Array[];
}
