/** H.264 as MP4 and Matroska store it (ISO/IEC 14496-15 §5.3): a configuration record, and NAL units behind their lengths. */

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** What the configuration record tells. */
export interface AvcConfiguration {
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthBytes: number;
  /** SPS and PPS, borrowed. */
  readonly parameterSets: readonly Uint8Array[];
}

/** Reads an AVCDecoderConfigurationRecord. Undefined when it is malformed. */
export function decodeAvcConfiguration(bytes: Uint8Array): AvcConfiguration | undefined {
  if (bytes.byteLength < 7 || bytes[0] !== 1) return undefined;
  const lengthBytes = ((bytes[4] as number) & 3) + 1;
  if (lengthBytes === 3) return undefined;
  const parameterSets: Uint8Array[] = [];
  let at = 5;
  for (const countMask of [0x1f, 0xff]) {
    const count = (bytes[at] ?? 0) & countMask;
    at++;
    for (let index = 0; index < count; index++) {
      const size = readLength(bytes, at, 2);
      if (size === undefined || at + 2 + size > bytes.byteLength) return undefined;
      parameterSets.push(bytes.subarray(at + 2, at + 2 + size));
      at += 2 + size;
    }
  }
  return { lengthBytes, parameterSets };
}

/**
 * A sample in Annex B form, with `before` (NAL units) in front. Copies. Undefined when a length reaches past the end.
 *
 * @param lengthBytes see {@link AvcConfiguration}
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
