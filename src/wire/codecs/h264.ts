/** H.264 NAL units (ITU-T H.264 §7.4.1) and their RTP payloads (RFC 6184 §5). */
import { BitReader } from "../bytes/bit-reader.ts";
import { encodeHex } from "../bytes/hex.ts";
import { type Inspector, NO_FACTS, type PayloadFacts } from "./media-format.ts";
import { type NalFormat, type NalPayload, splitAggregate } from "./nal-format.ts";
import type { SetFormat } from "./parameter-sets.ts";

/** `nal_unit_type` of a NAL unit (ITU-T H.264 table 7-1), and of an RTP payload (RFC 6184 table 1). */
export const NAL = {
  slice: 1,
  dataPartitionC: 4,
  idr: 5,
  sps: 7,
  pps: 8,
  delimiter: 9,
  singleMax: 23,
  stapA: 24,
  fuA: 28,
} as const;

/** What RTP payloads call `F` and `NRI`: the forbidden bit and the reference value, in place. */
const FORBIDDEN_BIT = 0x80;
const REFERENCE_BITS = 0x60;
const TYPE_BITS = 0x1f;
/** In the second byte of a fragment. */
const START_BIT = 0x80;
const END_BIT = 0x40;

/** Where the ids stand: behind header, profile, constraints and level (ITU-T H.264 §7.3.2.1.1); behind the header. */
const SPS_ID_BYTE = 4;
const PPS_ID_BYTE = 1;
const SPS_ID_MAX = 31;
const PPS_ID_MAX = 255;

/** The type of a NAL unit or payload, 0..31; 0 (unspecified) when it is empty. */
export function nalTypeOf(nal: Uint8Array): number {
  return (nal[0] ?? 0) & TYPE_BITS;
}

/** SPS and PPS, without start code. */
export const H264_SETS: SetFormat = {
  kinds: 2,
  kindOf(nal) {
    const type = nalTypeOf(nal);
    return type === NAL.sps ? 0 : type === NAL.pps ? 1 : undefined;
  },
  idOf(nal) {
    const isSequence = nalTypeOf(nal) === NAL.sps;
    // Emulation prevention cannot touch it: values up to 255 have at most eight leading zeros.
    const reader = new BitReader(nal.subarray(isSequence ? SPS_ID_BYTE : PPS_ID_BYTE));
    const id = reader.unsignedGolomb();
    return reader.exhausted || id > (isSequence ? SPS_ID_MAX : PPS_ID_MAX) ? undefined : id;
  },
};

/** Payloads of `packetization-mode` 0 and 1. */
export const H264_FORMAT: NalFormat = {
  sets: H264_SETS,
  headBytes: 1,
  typeOf: nalTypeOf,
  isKeyPicture: (type) => type === NAL.idr,
  isPicture: (type) => type === NAL.idr || isSlice(type),
  isDelimiter: (type) => type === NAL.delimiter,
  read(payload): NalPayload {
    const head = payload[0] as number;
    if ((head & FORBIDDEN_BIT) !== 0) return { type: "broken" };
    const type = head & TYPE_BITS;
    if (type >= 1 && type <= NAL.singleMax) return { type: "whole", nals: [payload] };
    if (type === NAL.stapA) {
      const nals = splitAggregate(payload, 1);
      return nals === undefined ? { type: "broken" } : { type: "whole", nals };
    }
    if (type === NAL.fuA) return readFragment(payload);
    // RFC 6184 §5.2: 0, 30 and 31 are reserved and skipped. STAP-B, MTAP and FU-B need interleaving, which was not
    // negotiated.
    return { type: type === 0 || type >= 30 ? "reserved" : "broken" };
  },
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

/** RFC 6184 §5.8: indicator (F, NRI of the NAL unit), head (start, end, type of the NAL unit), data. */
function readFragment(payload: Uint8Array): NalPayload {
  if (payload.byteLength < 3) return { type: "broken" };
  const indicator = payload[0] as number;
  const head = payload[1] as number;
  const type = head & TYPE_BITS;
  if (type === 0 || type > NAL.singleMax) return { type: "broken" };
  return {
    type: "piece",
    start: (head & START_BIT) !== 0,
    end: (head & END_BIT) !== 0,
    head: Uint8Array.of((indicator & REFERENCE_BITS) | type),
    data: payload.subarray(2),
  };
}

/** Keeps nothing from payload to payload. */
export const H264_INSPECTOR: Inspector = { inspect: inspectH264 };

/** Facts of one RTP payload; what is malformed or of no known type has none. */
function inspectH264(payload: Uint8Array): PayloadFacts {
  const type = nalTypeOf(payload);
  if (isSlice(type) || type === NAL.idr) {
    return {
      begin: true,
      first: false,
      keyframe: type === NAL.idr,
      discardable: isUnreferencedSlice(type, payload),
      parameterSets: NO_FACTS.parameterSets,
    };
  }
  if (type >= 1 && type <= NAL.singleMax) return factsOfNals([payload]);
  if (type === NAL.stapA) return factsOfNals(splitAggregate(payload, 1) ?? []);
  const fragment = payload[1];
  if (type !== NAL.fuA || fragment === undefined) return NO_FACTS;
  const inner = fragment & TYPE_BITS;
  // Written out: this is done for most packets of most channels.
  return {
    begin: (fragment & START_BIT) !== 0,
    first: false,
    keyframe: isKey(inner),
    discardable: isUnreferencedSlice(inner, payload),
    parameterSets: NO_FACTS.parameterSets,
  };
}

function isUnreferencedSlice(type: number, payload: Uint8Array): boolean {
  return isSlice(type) && ((payload[0] as number) & REFERENCE_BITS) === 0;
}

/** The codec string of RFC 6381 for a sequence parameter set with its NAL header: `avc1.42e01f`. */
export function h264CodecString(sps: Uint8Array): string {
  return `avc1.${encodeHex(sps.subarray(1, 4))}`;
}

/** A coded slice that belongs to no IDR picture. */
function isSlice(type: number): boolean {
  return type >= NAL.slice && type <= NAL.dataPartitionC;
}

function isKey(type: number): boolean {
  return type === NAL.idr || isParameterSet(type);
}

function isParameterSet(type: number): boolean {
  return type === NAL.sps || type === NAL.pps;
}

function factsOfNals(nals: readonly Uint8Array[]): PayloadFacts {
  const slices = nals.filter((nal) => isSlice(nalTypeOf(nal)));
  const keyframe = nals.some((nal) => isKey(nalTypeOf(nal)));
  const unreferenced = slices.every((nal) => ((nal[0] as number) & REFERENCE_BITS) === 0);
  const sets = nals.filter((nal) => isParameterSet(nalTypeOf(nal)));
  return {
    begin: nals.length > 0,
    first: sets.some((nal) => nalTypeOf(nal) === NAL.sps),
    keyframe,
    discardable: !keyframe && slices.length > 0 && unreferenced,
    parameterSets: sets.map((nal) => nal.slice()),
  };
}
