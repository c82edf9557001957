import { BitReader } from "./bit-reader.ts";

/** What an AV1 sequence header says of the pictures. */
export interface Av1Sequence {
  /** Pixels at most. */
  readonly width: number;
  readonly height: number;
  readonly profile: number;
  /** `seq_level_idx` of the first operating point. */
  readonly level: number;
  readonly highTier: boolean;
  readonly bitDepth: number;
}

/** `obu_type` (AV1 §6.2.2). */
const OBU = { sequenceHeader: 1, temporalDelimiter: 2, tileList: 8, padding: 15 } as const;
const CHOSEN_PER_FRAME = 2;

/** The first sequence header of a temporal unit in low-overhead format. Undefined when there is none, or it is malformed. */
export function decodeAv1Sequence(unit: Uint8Array): Av1Sequence | undefined {
  const header = splitObus(unit)?.find(({ type }) => type === OBU.sequenceHeader);
  return header === undefined ? undefined : decodeSequenceHeader(header.payload);
}

/**
 * A temporal unit as files hold it (AV1 in ISOBMFF §2.4): without temporal delimiters, tile lists and padding. Undefined
 * when its lengths contradict it.
 */
export function av1SampleOf(unit: Uint8Array): Uint8Array | undefined {
  const obus = splitObus(unit);
  if (obus === undefined) return undefined;
  const left: readonly number[] = [OBU.temporalDelimiter, OBU.tileList, OBU.padding];
  const kept = obus.filter(({ type }) => !left.includes(type));
  if (kept.length === obus.length) return unit;
  const sample = new Uint8Array(kept.reduce((sum, { whole }) => sum + whole.byteLength, 0));
  let at = 0;
  for (const { whole } of kept) {
    sample.set(whole, at);
    at += whole.byteLength;
  }
  return sample;
}

/** The codec string of AV1 in ISOBMFF §5: `av01.0.04M.08`. */
export function av1CodecString({ profile, level, highTier, bitDepth }: Av1Sequence): string {
  const two = (value: number): string => value.toString().padStart(2, "0");
  return `av01.${profile}.${two(level)}${highTier ? "H" : "M"}.${two(bitDepth)}`;
}

interface Obu {
  readonly type: number;
  readonly whole: Uint8Array;
  readonly payload: Uint8Array;
}

function splitObus(unit: Uint8Array): Obu[] | undefined {
  const obus: Obu[] = [];
  for (let at = 0; at < unit.byteLength; ) {
    const head = unit[at] as number;
    let next = at + ((head & 4) === 0 ? 1 : 2);
    let size = unit.byteLength - next;
    if ((head & 2) !== 0) {
      const told = readLeb128(unit, next);
      if (told === undefined) return undefined;
      size = told.value;
      next = told.end;
    }
    if (next + size > unit.byteLength || size < 0) return undefined;
    obus.push({
      type: (head >> 3) & 15,
      whole: unit.subarray(at, next + size),
      payload: unit.subarray(next, next + size),
    });
    at = next + size;
  }
  return obus;
}

function readLeb128(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if ((byte & 0x80) === 0) return { value, end: at + index + 1 };
  }
  return undefined;
}

/** AV1 §5.5.1. */
function decodeSequenceHeader(payload: Uint8Array): Av1Sequence | undefined {
  const reader = new BitReader(payload);
  const profile = reader.bits(3);
  reader.skip(1);
  const isReduced = reader.flag();
  const point = isReduced
    ? { level: reader.bits(5), highTier: false }
    : readOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const width = reader.bits(widthBits) + 1;
  const height = reader.bits(heightBits) + 1;
  if (!isReduced && reader.flag()) reader.skip(7);
  reader.skip(3);
  if (!isReduced) skipTools(reader);
  reader.skip(3);
  const isHigh = reader.flag();
  const isTwelve = profile === 2 && isHigh && reader.flag();
  if (reader.exhausted) return undefined;
  return { width, height, profile, ...point, bitDepth: isTwelve ? 12 : isHigh ? 10 : 8 };
}

interface Point {
  readonly level: number;
  readonly highTier: boolean;
}

function readOperatingPoints(reader: BitReader): Point {
  let delayBits = 0;
  let hasDecoderModel = false;
  if (reader.flag()) {
    reader.skip(64);
    if (reader.flag()) reader.unsignedGolomb();
    hasDecoderModel = reader.flag();
    if (hasDecoderModel) {
      delayBits = reader.bits(5) + 1;
      reader.skip(32 + 10);
    }
  }
  const hasDisplayDelay = reader.flag();
  const count = reader.bits(5) + 1;
  const points: Point[] = [];
  for (let index = 0; index < count; index++) {
    reader.skip(12);
    const level = reader.bits(5);
    points.push({ level, highTier: level > 7 && reader.flag() });
    if (hasDecoderModel && reader.flag()) reader.skip(2 * delayBits + 1);
    if (hasDisplayDelay && reader.flag()) reader.skip(4);
  }
  return points[0] as Point;
}

function skipTools(reader: BitReader): void {
  reader.skip(4);
  const hasOrderHint = reader.flag();
  if (hasOrderHint) reader.skip(2);
  const screenContent = reader.flag() ? CHOSEN_PER_FRAME : reader.bits(1);
  if (screenContent > 0 && !reader.flag()) reader.skip(1);
  if (hasOrderHint) reader.skip(3);
}
