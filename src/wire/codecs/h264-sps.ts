import { BitReader, unescapeNal } from "../bytes/bit-reader.ts";
import type { H264SliceSyntax } from "./h264-slices.ts";

/** What an H.264 sequence parameter set says of the pictures. */
export interface H264Sps {
  /** Pixels, cropped. */
  readonly width: number;
  readonly height: number;
  /** `chroma_format_idc`: 0 none, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
}

/** Profiles whose sets contain chroma and depth (ITU-T H.264 §7.3.2.1.1). */
const HIGH_PROFILES = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
const CHROMA_444 = 3;
const MACROBLOCK = 16;

/** Reads a sequence parameter set with its NAL header (ITU-T H.264 §7.3.2.1.1). Undefined when it is malformed. */
export function decodeH264Sps(nal: Uint8Array): H264Sps | undefined {
  return readSps(nal)?.sps;
}

/** How slices that refer to a sequence parameter set are to be read. Undefined when it is malformed. */
export function decodeH264SliceSyntax(nal: Uint8Array): H264SliceSyntax | undefined {
  return readSps(nal)?.slices;
}

function readSps(
  nal: Uint8Array,
): { readonly sps: H264Sps; readonly slices: H264SliceSyntax } | undefined {
  const reader = new BitReader(unescapeNal(nal));
  reader.skip(8);
  const profile = reader.bits(8);
  reader.skip(16);
  const spsId = reader.unsignedGolomb();
  const { separatePlanes, ...format } = HIGH_PROFILES.includes(profile)
    ? readHighFormat(reader)
    : { ...DEFAULT_FORMAT, separatePlanes: false };
  const frameBits = reader.unsignedGolomb() + 4;
  const orderBits = readPictureOrder(reader);
  reader.unsignedGolomb();
  reader.skip(1);
  const columns = reader.unsignedGolomb() + 1;
  const mapRows = reader.unsignedGolomb() + 1;
  const framesOnly = reader.flag();
  if (!framesOnly) reader.skip(1);
  reader.skip(1);
  const crop = reader.flag() ? readCrop(reader) : { x: 0, y: 0 };
  // §7.4.2.1.1: at most 16 bits each.
  if (reader.exhausted || frameBits > 16 || (orderBits ?? 0) > 16) return undefined;
  const fieldFactor = framesOnly ? 1 : 2;
  const { chromaFormat } = format;
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = (chromaFormat === 1 ? 2 : 1) * fieldFactor;
  const width = columns * MACROBLOCK - crop.x * unitX;
  const height = mapRows * MACROBLOCK * fieldFactor - crop.y * unitY;
  if (width < 1 || height < 1 || width > 0xffff || height > 0xffff) return undefined;
  return {
    sps: { width, height, ...format },
    slices: { spsId, separatePlanes, frameBits, orderBits, framesOnly },
  };
}

interface Format {
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
}

const DEFAULT_FORMAT: Format = { chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8 };

function readHighFormat(reader: BitReader): Format & { readonly separatePlanes: boolean } {
  const chromaFormat = reader.unsignedGolomb();
  const separatePlanes = chromaFormat === CHROMA_444 && reader.flag();
  const bitDepthLuma = reader.unsignedGolomb() + 8;
  const bitDepthChroma = reader.unsignedGolomb() + 8;
  reader.skip(1);
  if (reader.flag()) {
    const lists = chromaFormat === CHROMA_444 ? 12 : 8;
    for (let list = 0; list < lists; list++) if (reader.flag()) skipScalingList(reader, list);
  }
  // Planes of their own are cropped as if there were no chroma.
  const cropped = separatePlanes ? 0 : chromaFormat;
  return { chromaFormat: cropped, bitDepthLuma, bitDepthChroma, separatePlanes };
}

function skipScalingList(reader: BitReader, list: number): void {
  let [last, next] = [8, 8];
  for (let at = 0; at < (list < 6 ? 16 : 64) && next !== 0; at++) {
    next = (last + reader.signedGolomb() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/** Bits of `pic_order_cnt_lsb`; undefined where slices have none. */
function readPictureOrder(reader: BitReader): number | undefined {
  const type = reader.unsignedGolomb();
  if (type === 0) return reader.unsignedGolomb() + 4;
  if (type !== 1) return undefined;
  reader.skip(1);
  reader.signedGolomb();
  reader.signedGolomb();
  const cycle = Math.min(255, reader.unsignedGolomb());
  for (let at = 0; at < cycle; at++) reader.signedGolomb();
  return undefined;
}

/** Units cropped away, left and right, top and bottom. */
function readCrop(reader: BitReader): { readonly x: number; readonly y: number } {
  const x = reader.unsignedGolomb() + reader.unsignedGolomb();
  return { x, y: reader.unsignedGolomb() + reader.unsignedGolomb() };
}
