import {
  FLAG,
  type Inspector,
  inspectorFor,
  type PacketPosition,
  type PayloadFacts,
  type RtpPacket,
  tellsKeyFrames,
} from "../../../wire/index.ts";

/** The header flags of a packet, and the parameter sets in it. */
export interface FlaggedPacket {
  /** Sum of FLAG values. */
  readonly flags: number;
  /** Copies; empty for most packets. */
  readonly parameterSets: readonly Uint8Array[];
}

const NO_SETS: readonly Uint8Array[] = Object.freeze([]);

/**
 * The frame flags of the packets of one source ([W4], [W10], [W11]): the only place where media is parsed.
 *
 * Packets of a frame share its timestamp, so once one packet shows a key frame, those after it are flagged too.
 */
export class FrameFlags {
  readonly #isVideo: boolean;
  readonly #inspector: Inspector | undefined;
  #timestamp: number | undefined;
  #isKey = false;
  #previous: { timestamp: number; isKey: boolean } | undefined;

  /**
   * @param codec lower case; packets of an unknown codec get END on the marker and no other flag
   * @param parameterSets those that came with the description
   */
  constructor(codec: string, parameterSets: readonly Uint8Array[] = []) {
    this.#isVideo = tellsKeyFrames(codec);
    this.#inspector = inspectorFor(codec, parameterSets);
  }

  /** Flags packets in the order in which they arrive. */
  flag(packet: RtpPacket, position: PacketPosition): FlaggedPacket {
    const end = packet.marker ? FLAG.end : 0;
    if (this.#inspector === undefined) return { flags: end, parameterSets: NO_SETS };
    const facts = this.#inspector.inspect(packet.payload, position);
    if (!this.#isVideo && facts.first) {
      // A frame in one packet; its marker has another meaning.
      return { flags: FLAG.begin | FLAG.end, parameterSets: NO_SETS };
    }
    const flags =
      position === "late" ? this.#late(packet, facts) : this.#inOrder(packet, facts, position);
    const discardable = facts.discardable && (flags & FLAG.keyframe) === 0;
    return {
      flags: flags | end | (discardable ? FLAG.discardable : 0),
      parameterSets: facts.parameterSets,
    };
  }

  #inOrder(packet: RtpPacket, facts: PayloadFacts, position: PacketPosition): number {
    const isNewFrame = packet.timestamp !== this.#timestamp;
    if (isNewFrame) {
      if (this.#timestamp !== undefined) {
        this.#previous = { timestamp: this.#timestamp, isKey: this.#isKey };
      }
      this.#timestamp = packet.timestamp;
      this.#isKey = false;
    }
    // After a loss only a certain beginning is flagged, since a decoder may be started there.
    const isSure = position === "next" || facts.first;
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
    return (isKey ? FLAG.keyframe : 0) | (facts.first ? FLAG.begin : 0);
  }
}
