import { BitReader } from "../bytes/bit-reader.ts";
import { OBU, splitObus } from "./av1-obu.ts";

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
  /** What frame headers have because of it; undefined where they are reduced, with `reduced_still_picture_header`. */
  readonly frameHeads: Av1FrameHeads | undefined;
}

/** Widths and choices that the fields of a frame header depend on (AV1 §5.9.2). */
export interface Av1FrameHeads {
  readonly hasDecoderModel: boolean;
  /** Of `current_frame_id`; 0: not there. */
  readonly frameIdBits: number;
  /** `seq_force_screen_content_tools`: 0, 1, or 2 when each frame decides. */
  readonly screenContent: number;
  /** `seq_force_integer_mv`: 0, 1, or 2 when each frame decides. */
  readonly integerMotion: number;
  readonly orderHintBits: number;
}

const CHOSEN_PER_FRAME = 2;

/** The first sequence header of a temporal unit in low-overhead format. Undefined when it is missing or malformed. */
export function decodeAv1Sequence(unit: Uint8Array): Av1Sequence | undefined {
  const header = splitObus(unit)?.find(({ type }) => type === OBU.sequenceHeader);
  return header === undefined ? undefined : decodeAv1SequenceHeader(header.payload);
}

/**
 * A temporal unit as files hold it (AV1 in ISOBMFF §2.4): without temporal delimiters, tile lists and padding.
 * Undefined when its lengths contradict it.
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

/** Reads the payload of a sequence header (AV1 §5.5.1). Undefined when it is malformed. */
export function decodeAv1SequenceHeader(payload: Uint8Array): Av1Sequence | undefined {
  const reader = new BitReader(payload);
  const profile = reader.bits(3);
  reader.skip(1);
  const isReduced = reader.flag();
  const point = isReduced
    ? { level: reader.bits(5), highTier: false, hasDecoderModel: false }
    : readOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const width = reader.bits(widthBits) + 1;
  const height = reader.bits(heightBits) + 1;
  const frameIdBits = !isReduced && reader.flag() ? reader.bits(4) + reader.bits(3) + 3 : 0;
  reader.skip(3);
  const tools = isReduced ? undefined : readTools(reader);
  reader.skip(3);
  const isHigh = reader.flag();
  const isTwelve = profile === 2 && isHigh && reader.flag();
  if (reader.exhausted) return undefined;
  const { hasDecoderModel, ...level } = point;
  const bitDepth = isTwelve ? 12 : isHigh ? 10 : 8;
  const frameHeads = tools && { hasDecoderModel, frameIdBits, ...tools };
  return { width, height, profile, ...level, bitDepth, frameHeads };
}

interface Point {
  readonly level: number;
  readonly highTier: boolean;
}

function readOperatingPoints(reader: BitReader): Point & { readonly hasDecoderModel: boolean } {
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
  return { ...(points[0] as Point), hasDecoderModel };
}

function readTools(
  reader: BitReader,
): Pick<Av1FrameHeads, "screenContent" | "integerMotion" | "orderHintBits"> {
  reader.skip(4);
  const hasOrderHint = reader.flag();
  if (hasOrderHint) reader.skip(2);
  const screenContent = reader.flag() ? CHOSEN_PER_FRAME : reader.bits(1);
  const integerMotion = screenContent === 0 || reader.flag() ? CHOSEN_PER_FRAME : reader.bits(1);
  const orderHintBits = hasOrderHint ? reader.bits(3) + 1 : 0;
  return { screenContent, integerMotion, orderHintBits };
}
