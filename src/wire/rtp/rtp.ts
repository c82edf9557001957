/** RTP data packets (RFC 3550 §5.1) with header extensions (RFC 8285). */
import { assert } from "../../base/index.ts";
import { readU16, readU32, writeU16, writeU32 } from "../bytes/big-endian.ts";

/** One element of the header extension. */
export interface RtpExtension {
  /** 1..14 in the one-byte form, 1..255 in the two-byte form. */
  readonly id: number;
  /** 1..16 bytes in the one-byte form, 0..255 in the two-byte form. */
  readonly data: Uint8Array;
}

export interface RtpPacket {
  /** Video: last packet of a frame. Audio: first packet after silence. */
  readonly marker: boolean;
  /** 0..127. */
  readonly payloadType: number;
  /** u16, wraps. */
  readonly sequence: number;
  /** u32 in ticks of the format's clock, wraps. */
  readonly timestamp: number;
  /** u32. */
  readonly ssrc: number;
  /** u32 each, at most 15. */
  readonly csrcs: readonly number[];
  /** Empty too when the extension has a form other than the two of RFC 8285. */
  readonly extensions: readonly RtpExtension[];
  /** Without padding. */
  readonly payload: Uint8Array;
}

/** Why bytes are not an RTP packet: the part of it that is missing or broken. */
export type RtpFault = "short" | "version" | "csrc" | "extension" | "padding";

const FIXED_BYTES = 12;
const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x1000;
const NONE: readonly never[] = Object.freeze([]);

/** Reads one RTP packet. The payload and the extensions are views of `bytes`; never throws. */
export function decodeRtp(bytes: Uint8Array): RtpPacket | RtpFault {
  const length = bytes.byteLength;
  if (length < FIXED_BYTES) return "short";
  const first = bytes[0] as number;
  if (first >> 6 !== 2) return "version";

  const csrcCount = first & 15;
  let start = FIXED_BYTES + csrcCount * 4;
  if (start > length) return "csrc";

  let extensions: readonly RtpExtension[] = NONE;
  if ((first & 0x10) !== 0) {
    if (start + 4 > length) return "extension";
    const end = start + 4 + readU16(bytes, start + 2) * 4;
    if (end > length) return "extension";
    const found = readExtensions(readU16(bytes, start), bytes.subarray(start + 4, end));
    if (found === undefined) return "extension";
    extensions = found;
    start = end;
  }

  let end = length;
  if ((first & 0x20) !== 0) {
    const padding = bytes[length - 1] as number;
    if (padding === 0 || start + padding > length) return "padding";
    end -= padding;
  }

  const second = bytes[1] as number;
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequence: readU16(bytes, 2),
    timestamp: readU32(bytes, 4),
    ssrc: readU32(bytes, 8),
    csrcs: csrcCount === 0 ? NONE : readCsrcs(bytes, csrcCount),
    extensions,
    payload: bytes.subarray(start, end),
  };
}

/**
 * One RTP packet without padding. Copies. Extensions take the one-byte form when all fit it, else the two-byte form.
 *
 * Sequence, timestamp and SSRCs are taken modulo their width.
 */
export function encodeRtp(packet: RtpPacket): Uint8Array {
  const { csrcs, extensions, payload } = packet;
  assert(csrcs.length <= 15, "an RTP packet has at most 15 contributing sources");
  const extensionStart = FIXED_BYTES + csrcs.length * 4;
  const oneByte = extensions.every(fitsOneByte);
  const extensionBytes = extensions.length === 0 ? 0 : 4 + elementBytes(extensions, oneByte);

  const bytes = new Uint8Array(extensionStart + extensionBytes + payload.byteLength);
  bytes[0] = 0x80 | (extensionBytes > 0 ? 0x10 : 0) | csrcs.length;
  bytes[1] = (packet.marker ? 0x80 : 0) | (packet.payloadType & 0x7f);
  writeU16(bytes, 2, packet.sequence);
  writeU32(bytes, 4, packet.timestamp);
  writeU32(bytes, 8, packet.ssrc);
  for (const [index, csrc] of csrcs.entries()) writeU32(bytes, FIXED_BYTES + index * 4, csrc);
  if (extensionBytes > 0) {
    writeU16(bytes, extensionStart, oneByte ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE);
    writeU16(bytes, extensionStart + 2, extensionBytes / 4 - 1);
    writeElements(bytes, extensionStart + 4, extensions, oneByte);
  }
  bytes.set(payload, extensionStart + extensionBytes);
  return bytes;
}

function readCsrcs(bytes: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, index) => readU32(bytes, FIXED_BYTES + index * 4));
}

/** Undefined when an element reaches past the end. */
function readExtensions(profile: number, bytes: Uint8Array): readonly RtpExtension[] | undefined {
  const oneByte = profile === ONE_BYTE_PROFILE;
  // The low four bits of the two-byte profile are application bits.
  if (!oneByte && (profile & 0xfff0) !== TWO_BYTE_PROFILE) return NONE;
  const found: RtpExtension[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const head = bytes[at] as number;
    const id = oneByte ? head >> 4 : head;
    if (id === 0) {
      at++;
      continue;
    }
    // RFC 8285 §4.2: id 15 ends the elements, whatever follows.
    if (oneByte && id === 15) break;
    if (!oneByte && at + 1 >= bytes.byteLength) return undefined;
    const size = oneByte ? (head & 15) + 1 : (bytes[at + 1] as number);
    const start = at + (oneByte ? 1 : 2);
    at = start + size;
    if (at > bytes.byteLength) return undefined;
    found.push({ id, data: bytes.subarray(start, at) });
  }
  return found;
}

function fitsOneByte({ id, data }: RtpExtension): boolean {
  return id <= 14 && data.byteLength >= 1 && data.byteLength <= 16;
}

function elementBytes(extensions: readonly RtpExtension[], oneByte: boolean): number {
  let total = 0;
  for (const { id, data } of extensions) {
    assert(id >= 1 && id <= 255, "a header extension has an id from 1 to 255");
    assert(data.byteLength <= 255, "a header extension holds at most 255 bytes");
    total += (oneByte ? 1 : 2) + data.byteLength;
  }
  return (total + 3) & ~3;
}

function writeElements(
  bytes: Uint8Array,
  start: number,
  extensions: readonly RtpExtension[],
  oneByte: boolean,
): void {
  let at = start;
  for (const { id, data } of extensions) {
    if (oneByte) {
      bytes[at++] = (id << 4) | (data.byteLength - 1);
    } else {
      bytes[at++] = id;
      bytes[at++] = data.byteLength;
    }
    bytes.set(data, at);
    at += data.byteLength;
  }
}
