/**
 * What H.264 and H.265 have in common: access units of NAL units, after start codes in memory and in fragments in RTP.
 */
import type { SetFormat } from "./parameter-sets.ts";
import type { PictureFollower } from "./picture-follower.ts";

/** What stands before each NAL unit in Annex B form. */
export const START_CODE: Uint8Array = Uint8Array.of(0, 0, 0, 1);

/** Bytes of a coded slice, its header included, in which all is that {@link UnitReader} reads. */
export const SLICE_FRONT_BYTES = 32;

/** An RTP payload, taken apart. */
export type NalPayload =
  /** Whole NAL units, as views. */
  | { readonly type: "whole"; readonly nals: readonly Uint8Array[] }
  /** A piece of one. */
  | {
      readonly type: "piece";
      readonly start: boolean;
      readonly end: boolean;
      /** Header of the NAL unit that it belongs to. */
      readonly head: Uint8Array;
      /** A view. */
      readonly data: Uint8Array;
    }
  /** Of a reserved type, to be passed over. */
  | { readonly type: "reserved" }
  | { readonly type: "broken" };

/** What an access unit is to a decoder that starts. */
export interface UnitFacts {
  readonly key: boolean;
  /** As in `Frame`. */
  readonly leading: boolean;
}

/** Reads the access units of one source, in decoding order, for {@link UnitFacts}. Never throws. */
export interface UnitReader {
  /** A NAL unit of the access unit, whole, or the front of a coded slice. Not retained. */
  add(nal: Uint8Array): void;
  /** The access unit has ended. */
  finish(timestamp: number): UnitFacts;
  /** Begins another access unit. */
  reset(): void;
}

/** How a standard writes its NAL units. */
export interface NalFormat {
  readonly sets: SetFormat;
  /** Bytes of a NAL unit's header. */
  readonly headBytes: number;
  /** The type of a NAL unit; a type that is not a picture when it is empty. */
  typeOf(nal: Uint8Array): number;
  /** Any coded slice. */
  isPicture(type: number): boolean;
  isDelimiter(type: number): boolean;
  /** A reader of access units. @param parameterSets known from the start */
  units(parameterSets: readonly Uint8Array[]): UnitReader;
  /** A follower of pictures. @param parameterSets known from the start */
  follower(parameterSets: readonly Uint8Array[]): PictureFollower;
  /** Takes an RTP payload apart, which is not empty. */
  read(payload: Uint8Array): NalPayload;
  /** The head of a payload that aggregates several NAL units, as long as a NAL unit's. */
  aggregateHead(nals: readonly Uint8Array[]): Uint8Array;
  /** The head of a payload that holds a piece of `nal`: one byte longer than a NAL unit's. */
  pieceHead(nal: Uint8Array, place: { readonly start: boolean; readonly end: boolean }): Uint8Array;
}

/**
 * The NAL units of an Annex B byte stream, as views, without start codes and trailing zeros; empty ones are left out.
 */
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

function addNal(nals: Uint8Array[], bytes: Uint8Array, start: number, end: number): void {
  let last = end;
  while (last > start && bytes[last - 1] === 0) last--;
  if (last > start) nals.push(bytes.subarray(start, last));
}

/**
 * NAL units after their lengths of 16 bits, from byte `from` on, as views. Undefined when they contradict their
 * lengths.
 */
export function splitAggregate(payload: Uint8Array, from: number): Uint8Array[] | undefined {
  const nals: Uint8Array[] = [];
  for (let at = from; at < payload.byteLength; ) {
    if (at + 2 > payload.byteLength) return undefined;
    const size = ((payload[at] as number) << 8) | (payload[at + 1] as number);
    at += 2;
    if (size === 0 || at + size > payload.byteLength) return undefined;
    nals.push(payload.subarray(at, at + size));
    at += size;
  }
  return nals.length === 0 ? undefined : nals;
}

/**
 * Whether a NAL unit may be the first of an access unit: a slice must be the first of its picture, which both standards
 * encode in the bit after the header. (H.264 writes `first_mb_in_slice` 0 as a single 1 bit. Not so with arbitrary
 * slice order, hence checked only after a loss.)
 */
export function beginsUnit(format: NalFormat, payload: Uint8Array): boolean {
  const read = format.read(payload);
  switch (read.type) {
    case "whole": {
      const [first] = read.nals;
      return first !== undefined && begins(format, first, first[format.headBytes]);
    }
    case "piece":
      return read.start && begins(format, read.head, read.data[0]);
    default:
      return true;
  }
}

function begins(format: NalFormat, nal: Uint8Array, behindHead: number | undefined): boolean {
  return !format.isPicture(format.typeOf(nal)) || ((behindHead ?? 0) & 0x80) !== 0;
}
