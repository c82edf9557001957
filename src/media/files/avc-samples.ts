/**
 * H.264 and H.265 as MP4 and Matroska store them (ISO/IEC 14496-15 §5.3, §8.3): a configuration record, and NAL units
 * after their lengths.
 */

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** The contents of a configuration record. */
export interface NalConfiguration {
  /** Size of the length before each NAL unit, bytes: 1, 2 or 4. */
  readonly lengthBytes: number;
  /** SPS and PPS, before them VPS with H.265; borrowed. */
  readonly parameterSets: readonly Uint8Array[];
}

/** Reads an AVCDecoderConfigurationRecord. Undefined when it is malformed. */
export function decodeAvcConfiguration(bytes: Uint8Array): NalConfiguration | undefined {
  if (bytes.byteLength < 7 || bytes[0] !== 1) return undefined;
  const lengthBytes = ((bytes[4] as number) & 3) + 1;
  if (lengthBytes === 3) return undefined;
  const sequence = readSets(bytes, 6, (bytes[5] as number) & 0x1f);
  const picture = sequence && readSets(bytes, sequence.end + 1, bytes[sequence.end] ?? 0);
  if (sequence === undefined || picture === undefined) return undefined;
  return { lengthBytes, parameterSets: [...sequence.sets, ...picture.sets] };
}

const HEVC_HEAD_BYTES = 23;
/** VPS, SPS, PPS: the sets that decoders need; there may be arrays of SEI too. */
const HEVC_SET_TYPES = [32, 33, 34];

/** Reads an HEVCDecoderConfigurationRecord. Undefined when it is malformed. */
export function decodeHevcConfiguration(bytes: Uint8Array): NalConfiguration | undefined {
  if (bytes.byteLength < HEVC_HEAD_BYTES || bytes[0] !== 1) return undefined;
  const lengthBytes = ((bytes[21] as number) & 3) + 1;
  if (lengthBytes === 3) return undefined;
  const byType = new Map<number, Uint8Array[]>();
  let at = HEVC_HEAD_BYTES;
  for (let array = 0; array < (bytes[22] as number); array++) {
    const type = (bytes[at] ?? 0) & 0x3f;
    const read = readSets(bytes, at + 3, readLength(bytes, at + 1, 2) ?? 1);
    if (read === undefined) return undefined;
    byType.set(type, [...(byType.get(type) ?? []), ...read.sets]);
    at = read.end;
  }
  const parameterSets = HEVC_SET_TYPES.flatMap((type) => byType.get(type) ?? []);
  return { lengthBytes, parameterSets };
}

/** `count` sets, each after its 16-bit length. Undefined when they exceed the record. */
function readSets(
  bytes: Uint8Array,
  from: number,
  count: number,
): { readonly sets: Uint8Array[]; readonly end: number } | undefined {
  const sets: Uint8Array[] = [];
  let at = from;
  for (let index = 0; index < count; index++) {
    const size = readLength(bytes, at, 2);
    if (size === undefined || at + 2 + size > bytes.byteLength) return undefined;
    sets.push(bytes.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return { sets, end: at };
}

/**
 * A sample in Annex B form, with `before` (NAL units) in front. Copies. Undefined when a length exceeds the sample.
 *
 * @param lengthBytes see {@link NalConfiguration}
 */
export function annexBOf(
  sample: Uint8Array,
  lengthBytes: number,
  before: readonly Uint8Array[],
): Uint8Array | undefined {
  const nals = [...before];
  for (let at = 0; at < sample.byteLength; ) {
    const size = readLength(sample, at, lengthBytes);
    if (size === undefined || at + lengthBytes + size > sample.byteLength) return undefined;
    nals.push(sample.subarray(at + lengthBytes, at + lengthBytes + size));
    at += lengthBytes + size;
  }
  const bytes = new Uint8Array(nals.reduce((sum, nal) => sum + START_CODE.length + nal.length, 0));
  let at = 0;
  for (const nal of nals) {
    bytes.set(START_CODE, at);
    bytes.set(nal, at + START_CODE.length);
    at += START_CODE.length + nal.length;
  }
  return bytes;
}

function readLength(bytes: Uint8Array, at: number, size: number): number | undefined {
  if (at + size > bytes.byteLength) return undefined;
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + (bytes[at + index] as number);
  return value;
}
