import { FLAG, inspectPayload, NAL, type PayloadFacts, type RtpPacket } from "../wire/index.ts";

/** Where a packet stands in its flow. */
export type PacketPlace =
  /** Follows the packet before it. */
  | "next"
  /** Packets before it are missing. */
  | "after-loss"
  /** Behind others that came first. */
  | "late";

/** The header flags of a packet, and what it tells besides. */
export interface FlaggedPacket {
  /** Sum of FLAG values. */
  readonly flags: number;
  /** Copies; empty for most. */
  readonly parameterSets: readonly Uint8Array[];
}

const VIDEO_CODECS: ReadonlySet<string> = new Set(["h264", "vp8"]);
const NO_SETS: readonly Uint8Array[] = Object.freeze([]);

/**
 * The frame flags of the packets of one source ([W4]): the only place where media is looked into.
 *
 * Packets of a frame share its timestamp, so a key frame that was recognised at one packet marks those behind it.
 */
export class FrameFlags {
  readonly #codec: string;
  #timestamp: number | undefined;
  #isKey = false;
  #previous: { timestamp: number; isKey: boolean } | undefined;

  /** @param codec lower case; others than h264, vp8 and opus get END on the marker and nothing else */
  constructor(codec: string) {
    this.#codec = codec;
  }

  /** True when the codec's key frames are told. */
  get tellsKeyFrames(): boolean {
    return VIDEO_CODECS.has(this.#codec);
  }

  /** Judges the packets in the order they arrive. */
  flag(packet: RtpPacket, place: PacketPlace): FlaggedPacket {
    const end = packet.marker ? FLAG.end : 0;
    if (this.#codec === "opus") return { flags: FLAG.begin | FLAG.end, parameterSets: NO_SETS };
    if (!this.tellsKeyFrames) return { flags: end, parameterSets: NO_SETS };
    const facts = inspectPayload(this.#codec, packet.payload);
    const flags =
      place === "late" ? this.#late(packet, facts) : this.#inOrder(packet, facts, place);
    const discardable = facts.discardable && (flags & FLAG.keyframe) === 0;
    return {
      flags: flags | end | (discardable ? FLAG.discardable : 0),
      parameterSets: facts.parameterSets,
    };
  }

  #inOrder(packet: RtpPacket, facts: PayloadFacts, place: PacketPlace): number {
    const isNewFrame = packet.timestamp !== this.#timestamp;
    if (isNewFrame) {
      if (this.#timestamp !== undefined) {
        this.#previous = { timestamp: this.#timestamp, isKey: this.#isKey };
      }
      this.#timestamp = packet.timestamp;
      this.#isKey = false;
    }
    // Behind a loss only what cannot be anything else is called a beginning, since a decoder may be started there.
    const isSure = place === "next" || this.#beginsSurely(facts);
    const isFirstKey = facts.keyframe && !this.#isKey;
    this.#isKey ||= facts.keyframe;
    if (isFirstKey) return FLAG.keyframe | (isSure && facts.begin ? FLAG.begin : 0);
    if (this.#isKey) return FLAG.keyframe;
    return isNewFrame && isSure ? FLAG.begin : 0;
  }

  #late(packet: RtpPacket, facts: PayloadFacts): number {
    const isCurrent = packet.timestamp === this.#timestamp;
    const frame = isCurrent
      ? { timestamp: packet.timestamp, isKey: this.#isKey }
      : this.#previous?.timestamp === packet.timestamp
        ? this.#previous
        : { timestamp: packet.timestamp, isKey: false };
    const isKey = frame.isKey || facts.keyframe;
    if (isCurrent) this.#isKey = isKey;
    if (!isKey) return this.#codec === "vp8" && facts.begin ? FLAG.begin : 0;
    return FLAG.keyframe | (this.#beginsSurely(facts) ? FLAG.begin : 0);
  }

  /** The payload alone tells that a frame, or what a decoder needs of it, begins here. */
  #beginsSurely(facts: PayloadFacts): boolean {
    return this.#codec === "vp8" ? facts.begin : facts.parameterSets.some(isSps);
  }
}

function isSps(nal: Uint8Array): boolean {
  return ((nal[0] ?? 0) & 31) === NAL.sps;
}
