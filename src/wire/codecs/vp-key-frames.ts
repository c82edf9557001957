import { BitReader } from "../bytes/bit-reader.ts";

/** What a key frame says of the pictures. */
export interface PictureSize {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** Reads the head of a VP8 key frame (RFC 6386 §9.1). Undefined for other frames. */
export function decodeVp8KeyFrame(frame: Uint8Array): PictureSize | undefined {
  if (frame.byteLength < 10 || ((frame[0] as number) & 1) !== 0) return undefined;
  if (frame[3] !== 0x9d || frame[4] !== 0x01 || frame[5] !== 0x2a) return undefined;
  const at = (index: number): number => frame[index] as number;
  const width = (at(6) | (at(7) << 8)) & 0x3fff;
  const height = (at(8) | (at(9) << 8)) & 0x3fff;
  return width === 0 || height === 0 ? undefined : { width, height };
}

/** A VP9 key frame's head. */
export interface Vp9KeyFrame extends PictureSize {
  readonly profile: number;
  readonly bitDepth: number;
}

const SYNC_CODE = 0x49_83_42;
const COLOR_RGB = 7;

/** Reads the uncompressed header of a VP9 key frame (VP9 bitstream §6.2). Undefined for other frames. */
export function decodeVp9KeyFrame(frame: Uint8Array): Vp9KeyFrame | undefined {
  const reader = new BitReader(frame);
  if (reader.bits(2) !== 2) return undefined;
  const low = reader.bits(1);
  const profile = reader.bits(1) * 2 + low;
  if (profile === 3) reader.skip(1);
  const showsExisting = reader.flag();
  const isInter = reader.flag();
  if (showsExisting || isInter) return undefined;
  reader.skip(2);
  if (reader.bits(24) !== SYNC_CODE) return undefined;
  const bitDepth = profile < 2 ? 8 : reader.flag() ? 12 : 10;
  const colorSpace = reader.bits(3);
  if (colorSpace !== COLOR_RGB) reader.skip(1);
  // Profiles 1 and 3 contain the chroma sampling, and a reserved bit.
  if (profile % 2 === 1) reader.skip(colorSpace === COLOR_RGB ? 1 : 3);
  const width = reader.bits(16) + 1;
  const height = reader.bits(16) + 1;
  return reader.exhausted ? undefined : { profile, bitDepth, width, height };
}

/** Most luma samples per picture, by level times ten (VP9 levels, "Maximum Luma Picture Size"). */
const VP9_LEVELS: readonly (readonly [level: number, samples: number])[] = [
  [10, 36_864],
  [11, 73_728],
  [20, 122_880],
  [21, 245_760],
  [30, 552_960],
  [31, 983_040],
  [40, 2_228_224],
  [50, 8_912_896],
  [60, 35_651_584],
];

/** The codec string of a VP9 stream: `vp09.00.31.08`. The level is the least that such pictures fit in. */
export function vp9CodecString({ profile, bitDepth, width, height }: Vp9KeyFrame): string {
  const level = VP9_LEVELS.find(([, samples]) => width * height <= samples)?.[0] ?? 62;
  const two = (value: number): string => value.toString().padStart(2, "0");
  return `vp09.${two(profile)}.${two(level)}.${two(bitDepth)}`;
}
