/** What every RTP payload format is to the rest: frames in, payloads out, and back. */
import type { RtpPacket } from "../rtp/rtp.ts";

/**
 * What a decoder takes at once: an H.264 or H.265 access unit in Annex B form, a VP8 or VP9 frame, an AV1 temporal unit
 * in low-overhead form without its delimiter, an Opus packet, an AAC access unit, samples of G.711.
 */
export interface Frame {
  /** Owned, not a view. */
  readonly bytes: Uint8Array;
  /** u32, RTP ticks, wraps. */
  readonly timestamp: number;
  /** A decoder can start here. Every audio frame is one. */
  readonly key: boolean;
  /**
   * Presented before the key frame that it follows, and may refer to frames before that one: a decoder that started
   * with that key frame cannot decode it. Absent: no.
   */
  readonly leading?: boolean | undefined;
}

/** Cuts frames into RTP payloads. Keeps what the format counts from frame to frame. */
export interface Packetizer {
  /** The RTP marker belongs on the last payload of a frame. False: on none, since it means something else. */
  readonly marksEnd: boolean;
  /**
   * The payloads of one frame, in order; none for a frame without content, or one that the format cannot carry.
   *
   * Payloads may be views of `frame.bytes`.
   */
  packetize(frame: { readonly bytes: Uint8Array; readonly key: boolean }): Uint8Array[];
}

/** Puts frames together again. Takes the packets of one source in sequence order; never throws. */
export interface Depacketizer {
  /**
   * Consumes one packet, which is not retained. Returns the frame that it completed, if any; {@link more} returns those
   * after it.
   */
  push(packet: RtpPacket): Frame | undefined;
  /**
   * A further frame that the last push completed: audio formats put several in a packet, and a frame without a marker
   * ends where the next starts.
   */
  more(): Frame | undefined;
  /** Packets are missing before the next one. */
  lost(): void;
  /**
   * Parameter sets that the description names since the last packet, instead of earlier ones with their ids; copied.
   * Absent: the format has none.
   */
  learn?(parameterSets: readonly Uint8Array[]): void;
  /**
   * Whether a frame waits for the next packet, which shows whether it has ended: `marked` when its newest packet had
   * the marker, so that it probably has.
   */
  readonly waiting: "no" | "open" | "marked";
  /** Nothing more of the waiting frame will come. Returns it, if it is whole; {@link more} returns those after it. */
  finish(): Frame | undefined;
  /** Frames of which something came, but not all or not sound. */
  readonly dropped: number;
}

/** What an ingest has to know about one payload. */
export interface PayloadFacts {
  /** It starts a NAL unit, an OBU, or a frame. */
  readonly begin: boolean;
  /** Nothing that a decoder needs of its frame can stand before it. */
  readonly first: boolean;
  /** It belongs to what a decoder needs to start. For VP8 and VP9 only the first packet of a frame shows that. */
  readonly keyframe: boolean;
  /** Only parameter sets let it seem so, which some senders repeat before any frame. Absent: no. */
  readonly announces?: boolean | undefined;
  /** No other frame needs it. */
  readonly discardable: boolean;
  /** Parameter sets that it holds, whole, copied; H.264, H.265 and AV1. */
  readonly parameterSets: readonly Uint8Array[];
}

/** Facts of a payload about which nothing is known. */
export const NO_FACTS: PayloadFacts = Object.freeze({
  begin: false,
  first: false,
  keyframe: false,
  discardable: false,
  parameterSets: Object.freeze([]),
});

/** Where a packet stands in its flow. */
export type PacketPosition =
  /** Follows the packet before it. */
  | "next"
  /** Packets before it are missing. */
  | "after-loss"
  /** Behind others that came first. */
  | "late";

/** Looks at the payloads of one source, in the order they arrive. Never throws. */
export interface Inspector {
  /** @param payload not retained */
  inspect(payload: Uint8Array, place: PacketPosition): PayloadFacts;
}
