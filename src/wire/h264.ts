/** H.264 NAL units (ITU-T H.264 §7.4.1, Annex B) and what RTP makes of them (RFC 6184 §5). */
import { readU16 } from "./big-endian.ts";
import type { PayloadFacts } from "./media-format.ts";

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
export const FORBIDDEN_BIT = 0x80;
export const REFERENCE_BITS = 0x60;
export const TYPE_BITS = 0x1f;

/** What stands before each NAL unit in Annex B form. */
export const START_CODE: Uint8Array = Uint8Array.of(0, 0, 0, 1);

/** The type of a NAL unit or payload, 0..31; 0 (unspecified) when it is empty. */
export function nalTypeOf(nal: Uint8Array): number {
  return (nal[0] ?? 0) & TYPE_BITS;
}

/** The NAL units of an Annex B byte stream, borrowed, without start codes and trailing zeros; empty ones are left out. */
export function splitAnnexB(bytes: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let start = -1;
  for (let at = bytes.indexOf(1, 2); at !== -1; at = bytes.indexOf(1, at + 1)) {
    if (bytes[at - 1] !== 0 || bytes[at - 2] !== 0) continue;
    if (start !== -1) addNal(nals, bytes, start, at - 2);
    start = at + 1;
  }
  if (start !== -1) addNal(nals, bytes, start, bytes.byteLength);
  return nals;
}

/** The NAL units of an aggregation packet, type STAP-A (RFC 6184 §5.7.1), borrowed. Undefined when it is malformed. */
export function splitStapA(payload: Uint8Array): Uint8Array[] | undefined {
  const nals: Uint8Array[] = [];
  for (let at = 1; at < payload.byteLength; ) {
    if (at + 2 > payload.byteLength) return undefined;
    const size = readU16(payload, at);
    at += 2;
    if (size === 0 || at + size > payload.byteLength) return undefined;
    nals.push(payload.subarray(at, at + size));
    at += size;
  }
  return nals.length === 0 ? undefined : nals;
}

/** Facts of one RTP payload; what is malformed or of no known type has none. */
export function inspectH264(payload: Uint8Array): PayloadFacts {
  const type = nalTypeOf(payload);
  if (type >= 1 && type <= NAL.singleMax) return factsOfNals([payload]);
  if (type === NAL.stapA) return factsOfNals(splitStapA(payload) ?? []);
  const fragment = payload[1];
  if (type !== NAL.fuA || fragment === undefined) return factsOfNals([]);
  const inner = fragment & TYPE_BITS;
  return {
    begin: (fragment & 0x80) !== 0,
    keyframe: isKey(inner),
    discardable: isSlice(inner) && ((payload[0] as number) & REFERENCE_BITS) === 0,
    parameterSets: [],
  };
}

/** The codec string of RFC 6381 for a sequence parameter set with its NAL header: `avc1.42e01f`. */
export function h264CodecString(sps: Uint8Array): string {
  const profile = Array.from(sps.subarray(1, 4), (byte) => byte.toString(16).padStart(2, "0"));
  return `avc1.${profile.join("")}`;
}

/** A coded slice that belongs to no IDR picture. */
export function isSlice(type: number): boolean {
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
  return {
    begin: nals.length > 0,
    keyframe,
    discardable: !keyframe && slices.length > 0 && unreferenced,
    parameterSets: nals.filter((nal) => isParameterSet(nalTypeOf(nal))).map((nal) => nal.slice()),
  };
}

function addNal(nals: Uint8Array[], bytes: Uint8Array, start: number, end: number): void {
  let last = end;
  while (last > start && bytes[last - 1] === 0) last--;
  if (last > start) nals.push(bytes.subarray(start, last));
}
