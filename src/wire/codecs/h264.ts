/** H.264 over RTP (RFC 6184). */
import { encodeHex } from "../bytes/hex.ts";
import {
  END_BIT,
  FORBIDDEN_BIT,
  H264_SETS,
  isH264Picture,
  isH264Slice,
  NAL,
  nalTypeOf,
  REFERENCE_BITS,
  readH264Payload,
  START_BIT,
  TYPE_BITS,
} from "./h264-nal.ts";
import { H264Follower, H264Units } from "./h264-pictures.ts";
import { h264RecoveryFrames, readH264SliceHead } from "./h264-slices.ts";
import {
  type Inspector,
  NO_FACTS,
  type PacketPosition,
  type PayloadFacts,
} from "./media-format.ts";
import { type NalFormat, splitAggregate } from "./nal-format.ts";

/** Payloads of `packetization-mode` 0 and 1. */
export const H264_FORMAT: NalFormat = {
  sets: H264_SETS,
  headBytes: 1,
  typeOf: nalTypeOf,
  isPicture: isH264Picture,
  isDelimiter: (type) => type === NAL.delimiter,
  read: readH264Payload,
  units: (parameterSets) => new H264Units(parameterSets),
  follower: (parameterSets) => new H264Follower(parameterSets),
  /** RFC 6184 §5.7.1. */
  aggregateHead(nals) {
    const heads = nals.map((nal) => nal[0] as number);
    const forbidden = heads.some((head) => (head & FORBIDDEN_BIT) !== 0) ? FORBIDDEN_BIT : 0;
    const reference = Math.max(...heads.map((head) => head & REFERENCE_BITS));
    return Uint8Array.of(forbidden | reference | NAL.stapA);
  },
  /** RFC 6184 §5.8. */
  pieceHead(nal, { start, end }) {
    const head = nal[0] as number;
    return Uint8Array.of(
      (head & (FORBIDDEN_BIT | REFERENCE_BITS)) | NAL.fuA,
      (start ? START_BIT : 0) | (end ? END_BIT : 0) | (head & TYPE_BITS),
    );
  },
};

/**
 * Keeps from payload to payload that a recovery point was announced, and whether it is kept: by a picture without
 * references to others.
 */
export class H264Inspector implements Inspector {
  #recovers = false;

  /** Facts of one RTP payload; what is malformed or of no known type has none. */
  inspect(payload: Uint8Array, place: PacketPosition): PayloadFacts {
    if (place === "after-loss") this.#recovers = false;
    const type = nalTypeOf(payload);
    if (type >= 1 && type <= NAL.singleMax) return this.#factsOf([payload], place);
    if (type === NAL.stapA) return this.#factsOf(splitAggregate(payload, 1) ?? [], place);
    const fragment = payload[1];
    if (type !== NAL.fuA || fragment === undefined) return NO_FACTS;
    const inner = fragment & TYPE_BITS;
    const begin = (fragment & START_BIT) !== 0;
    // Written out: this is done for most packets of most channels.
    const isSet = isParameterSet(inner);
    const key = inner === NAL.idr || (begin && this.#isEntry(inner, payload.subarray(1), place));
    return {
      begin,
      first: false,
      keyframe: key || isSet,
      ...(isSet ? { announces: true } : {}),
      discardable: !key && isUnreferencedSlice(inner, payload),
      parameterSets: NO_FACTS.parameterSets,
    };
  }

  #factsOf(nals: readonly Uint8Array[], place: PacketPosition): PayloadFacts {
    const sets = nals.filter((nal) => isParameterSet(nalTypeOf(nal)));
    let hasPicture = false;
    let isKey = false;
    let isUnreferenced = true;
    for (const nal of nals) {
      const type = nalTypeOf(nal);
      if (type === NAL.sei && h264RecoveryFrames(nal) === 0) {
        isKey ||= !hasPicture;
        if (place !== "late") this.#recovers = true;
      }
      if (!isH264Picture(type)) continue;
      const isEntry = type === NAL.idr || this.#isEntry(type, nal, place);
      isKey = hasPicture ? isKey || isEntry : isEntry;
      isUnreferenced &&= isUnreferencedSlice(type, nal);
      hasPicture = true;
    }
    const announces = sets.length > 0 && !hasPicture && !isKey;
    return {
      begin: nals.length > 0,
      first: sets.some((nal) => nalTypeOf(nal) === NAL.sps),
      keyframe: isKey || announces,
      ...(announces ? { announces } : {}),
      discardable: !isKey && hasPicture && isUnreferenced,
      parameterSets: sets.map((nal) => nal.slice()),
    };
  }

  /** A slice that is no IDR: whether it keeps what a recovery point announced. */
  #isEntry(type: number, nal: Uint8Array, place: PacketPosition): boolean {
    if (!this.#recovers || place === "late" || !isH264Slice(type)) return false;
    this.#recovers = false;
    return readH264SliceHead(nal, () => undefined)?.isIntra === true;
  }
}

function isUnreferencedSlice(type: number, payload: Uint8Array): boolean {
  return isH264Slice(type) && ((payload[0] as number) & REFERENCE_BITS) === 0;
}

/** The codec string of RFC 6381 for a sequence parameter set with its NAL header: `avc1.42e01f`. */
export function h264CodecString(sps: Uint8Array): string {
  return `avc1.${encodeHex(sps.subarray(1, 4))}`;
}

function isParameterSet(type: number): boolean {
  return type === NAL.sps || type === NAL.pps;
}
