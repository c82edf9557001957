/** H.264 NAL units (ITU-T H.264 §7.4.1), and how RTP payloads hold them (RFC 6184 §5). */
import { BitReader } from "../bytes/bit-reader.ts";
import { type NalPayload, splitAggregate } from "./nal-format.ts";
import type { SetFormat } from "./parameter-sets.ts";

/** `nal_unit_type` of a NAL unit (ITU-T H.264 table 7-1), and of an RTP payload (RFC 6184 table 1). */
export const NAL = {
  slice: 1,
  dataPartitionA: 2,
  dataPartitionC: 4,
  idr: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  delimiter: 9,
  singleMax: 23,
  stapA: 24,
  fuA: 28,
} as const;

/** What RTP payloads call `F` and `NRI`: the forbidden bit and the reference value, in place. */
export const FORBIDDEN_BIT = 0x80;
export const REFERENCE_BITS = 0x60;
export const TYPE_BITS = 0x1f;
/** In the second byte of a fragment. */
export const START_BIT = 0x80;
export const END_BIT = 0x40;

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

/** Takes a payload of `packetization-mode` 0 or 1 apart, which is not empty. */
export function readH264Payload(payload: Uint8Array): NalPayload {
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
}

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

/** A coded slice that belongs to no IDR picture. */
export function isH264Slice(type: number): boolean {
  return type >= NAL.slice && type <= NAL.dataPartitionC;
}

/** Any coded slice. */
export function isH264Picture(type: number): boolean {
  return type === NAL.idr || isH264Slice(type);
}
