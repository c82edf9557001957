/** AV1 bitstream units (AV1 §5.3, §4.10.5) in low-overhead form, as files and decoders take them. */

/** `obu_type` (AV1 §6.2.2). */
export const OBU = {
  sequenceHeader: 1,
  temporalDelimiter: 2,
  frameHeader: 3,
  tileGroup: 4,
  frame: 6,
  tileList: 8,
  padding: 15,
} as const;

const EXTENSION_BIT = 0x04;
const SIZE_BIT = 0x02;
/** AV1 has sizes of at most 32 bits. */
const LEB128_BYTES_MAX = 5;

/** An OBU, as a view. */
export interface Obu {
  readonly type: number;
  /** Temporal and spatial layer in one byte, as the extension has them; undefined without. */
  readonly layer: number | undefined;
  /** Header, and size if it has one. */
  readonly whole: Uint8Array;
  readonly payload: Uint8Array;
}

/** `obu_type` by the first byte. */
export function obuTypeOf(obu: Uint8Array): number {
  return ((obu[0] ?? 0) >> 3) & 15;
}

/** The OBU at byte `at`; one without a size reaches to the end. Undefined when its size contradicts the bytes. */
export function readObu(bytes: Uint8Array, at: number): Obu | undefined {
  const head = readHead(bytes, at);
  const size = head?.size ?? bytes.byteLength - (head?.end ?? 0);
  if (head === undefined || size < 0 || head.end + size > bytes.byteLength) return undefined;
  return {
    type: obuTypeOf(bytes.subarray(at)),
    layer: head.layer,
    whole: bytes.subarray(at, head.end + size),
    payload: bytes.subarray(head.end, head.end + size),
  };
}

/** What is there of the payload of an OBU that may be cut off. */
export function obuPayloadFront(front: Uint8Array): Uint8Array {
  return front.subarray(readHead(front, 0)?.end ?? front.byteLength);
}

function readHead(
  bytes: Uint8Array,
  at: number,
):
  | { readonly end: number; readonly size: number | undefined; readonly layer: number | undefined }
  | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const hasExtension = (first & EXTENSION_BIT) !== 0;
  const layer = hasExtension ? bytes[at + 1] : undefined;
  const end = at + (hasExtension ? 2 : 1);
  if ((first & SIZE_BIT) === 0) return { end, size: undefined, layer };
  const size = readLeb128(bytes, end);
  return size === undefined ? undefined : { end: size.end, size: size.value, layer };
}

/** The OBUs of a temporal unit. Undefined when their sizes contradict it. */
export function splitObus(unit: Uint8Array): Obu[] | undefined {
  const obus: Obu[] = [];
  for (let at = 0; at < unit.byteLength; ) {
    const obu = readObu(unit, at);
    if (obu === undefined) return undefined;
    obus.push(obu);
    at += obu.whole.byteLength;
  }
  return obus;
}

/** The OBU's header without the size field, as in RTP; with it, the size follows the header. */
export function obuHead({ whole, layer }: Obu, hasSize: boolean): Uint8Array {
  const first = whole[0] as number;
  const head = hasSize ? first | SIZE_BIT : first & ~SIZE_BIT;
  return layer === undefined ? Uint8Array.of(head) : Uint8Array.of(head, layer);
}

/** `leb128()` at byte `at` (AV1 §4.10.5). Undefined when it is cut off or larger than 32 bits. */
export function readLeb128(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < LEB128_BYTES_MAX; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if ((byte & 0x80) === 0) {
      return value > 0xffff_ffff ? undefined : { value, end: at + index + 1 };
    }
  }
  return undefined;
}

/** The shortest `leb128()` of a u32. */
export function encodeLeb128(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Uint8Array.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}
