import {
  FLAG,
  followerFor,
  type Inspector,
  inspectorFor,
  type MarkerUse,
  type PacketPosition,
  type PayloadFacts,
  type PictureFollower,
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

/** What is known of a frame from its packets so far. */
interface FrameAtHand {
  readonly timestamp: number;
  isKey: boolean;
  /** Parameter sets let it seem a key frame. */
  isAnnounced: boolean;
  /** A picture that a decoder can start with was seen. */
  isCertain: boolean;
  hasPicture: boolean;
  /** The newest packet had the marker. */
  isMarked: boolean;
  /** Packets are missing in it, or before it. */
  isTorn: boolean;
}

/**
 * The frame flags of the packets of one source ([W4], [W10], [W11]): the only place where media is parsed.
 *
 * Packets of a frame share its timestamp, so once one packet shows a key frame, those after it are flagged too. Two
 * habits of senders are learned: markers inside pictures, which then end nothing ([W14]), and parameter sets before
 * frames that are no key frames, which then announce nothing ([W10]).
 */
export class FrameFlags {
  readonly #isVideo: boolean;
  readonly #inspector: Inspector | undefined;
  /** Undefined for audio. */
  readonly #follower: PictureFollower | undefined;
  #markers: MarkerUse = "unknown";
  #trustsSets = true;
  #frame: FrameAtHand | undefined;
  #previous: FrameAtHand | undefined;

  /**
   * @param codec lower case; packets of an unknown codec get END on the marker and no other flag
   * @param parameterSets those that came with the description
   */
  constructor(codec: string, parameterSets: readonly Uint8Array[] = []) {
    this.#isVideo = tellsKeyFrames(codec);
    this.#inspector = inspectorFor(codec, parameterSets);
    this.#follower = followerFor(codec, parameterSets);
  }

  /** Flags packets in the order in which they arrive. */
  flag(packet: RtpPacket, position: PacketPosition): FlaggedPacket {
    const marked = packet.marker ? FLAG.end : 0;
    if (this.#inspector === undefined) return { flags: marked, parameterSets: NO_SETS };
    const facts = this.#inspector.inspect(packet.payload, position);
    if (!this.#isVideo && facts.first) {
      // A frame in one packet; its marker has another meaning.
      return { flags: FLAG.begin | FLAG.end, parameterSets: NO_SETS };
    }
    const flags =
      position === "late" ? this.#late(packet, facts) : this.#inOrder(packet, facts, position);
    const discardable = facts.discardable && (flags & FLAG.keyframe) === 0;
    return {
      flags: flags | (discardable ? FLAG.discardable : 0),
      parameterSets: facts.parameterSets,
    };
  }

  #inOrder(packet: RtpPacket, facts: PayloadFacts, position: PacketPosition): number {
    const isNewFrame = this.#place(packet, position);
    const frame = this.#frame as FrameAtHand;
    frame.isTorn ||= position === "after-loss";
    if (facts.announces === true) frame.isAnnounced = true;
    else frame.isCertain ||= facts.keyframe;
    const isKey = facts.keyframe && (facts.announces !== true || this.#trustsSets);
    // After a loss only a certain beginning is flagged, since a decoder may be started there.
    const isSure = position === "next" || facts.first;
    const isFirstKey = isKey && !frame.isKey;
    frame.isKey ||= isKey;
    const end = this.#endOf(packet, frame);
    if (isFirstKey) return FLAG.keyframe | (isSure && facts.begin ? FLAG.begin : 0) | end;
    if (frame.isKey) return FLAG.keyframe | end;
    return (isNewFrame && isSure ? FLAG.begin : 0) | end;
  }

  /** Finds the frame of a packet. @returns true when it is another one than before */
  #place({ payload, timestamp }: RtpPacket, position: PacketPosition): boolean {
    const before = this.#frame;
    const isOther = timestamp !== before?.timestamp;
    if (isOther) this.#follower?.begin();
    const isMarked = !isOther && before.isMarked;
    const isPadding = payload.byteLength === 0;
    const role =
      isPadding || this.#follower === undefined ? "none" : this.#follower.role(payload, isMarked);
    if (isMarked && role === "continues" && position === "next") this.#markers = "inside";
    const isNew = isOther || role === "starts";
    if (isNew) {
      if (before !== undefined) this.#leave(before);
      this.#previous = before;
      this.#frame = frameAt(timestamp);
    }
    const frame = this.#frame as FrameAtHand;
    frame.hasPicture ||= role !== "none" || this.#follower === undefined;
    if (!isPadding) frame.isMarked = false;
    return isNew;
  }

  /** What the frame has shown of its sender's habits. */
  #leave(frame: FrameAtHand): void {
    if (frame.isMarked && this.#markers === "unknown") this.#markers = "ends";
    if (frame.isAnnounced && frame.hasPicture && !frame.isCertain && !frame.isTorn) {
      this.#trustsSets = false;
    }
  }

  /** A marker behind parameter sets alone ends nothing, nor does one inside a picture. */
  #endOf({ marker }: RtpPacket, frame: FrameAtHand): number {
    if (!marker || !frame.hasPicture) return 0;
    frame.isMarked = true;
    return this.#markers === "inside" ? 0 : FLAG.end;
  }

  #late(packet: RtpPacket, facts: PayloadFacts): number {
    const { timestamp } = packet;
    const frame = [this.#frame, this.#previous].find((each) => each?.timestamp === timestamp);
    if (frame !== undefined) frame.isTorn = true;
    const keyframe = facts.keyframe && (facts.announces !== true || this.#trustsSets);
    const isKey = frame?.isKey === true || keyframe;
    if (frame !== undefined && frame === this.#frame) frame.isKey = isKey;
    const end = packet.marker && this.#markers !== "inside" ? FLAG.end : 0;
    return (isKey ? FLAG.keyframe : 0) | (facts.first ? FLAG.begin : 0) | end;
  }
}

function frameAt(timestamp: number): FrameAtHand {
  return {
    timestamp,
    isKey: false,
    isAnnounced: false,
    isCertain: false,
    hasPicture: false,
    isMarked: false,
    isTorn: false,
  };
}
