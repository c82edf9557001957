import { crc32 } from "node:zlib";

/**
 * Frames start at multiples of this in their file: no block of a disk has parts of two, so a torn write damages only
 * one.
 */
export const FRAME_ALIGNMENT = 4_096;

/** Its first byte occurs in no UTF-8: no payload looks like a frame. */
const MAGIC = 0xff4d_5244;
const HEADER_BYTES = 20;

/** What one flush brings to a redo log: whole, or, when its end was torn, nothing. */
export interface RedoFrame {
  /** Grows by one from frame to frame, over all turns of the log. >= 1. */
  readonly sequence: number;
  /** UTF-8. */
  readonly payload: Uint8Array;
}

/** Bytes that a frame with `payloadBytes` takes in the file. */
export function frameBytes(payloadBytes: number): number {
  return Math.ceil((HEADER_BYTES + payloadBytes) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

/**
 * | at | |
 * |---|---|
 * | 0 | magic, u32 |
 * | 4 | bytes of the payload, u32 |
 * | 8 | sequence, u64 |
 * | 16 | CRC-32 of what is before and of the payload, u32 |
 * | 20 | payload, then zeros up to the next multiple of {@link FRAME_ALIGNMENT} |
 *
 * Numbers are big-endian.
 */
export function encodeFrame({ sequence, payload }: RedoFrame): Uint8Array {
  const bytes = new Uint8Array(frameBytes(payload.byteLength));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, payload.byteLength);
  view.setBigUint64(8, BigInt(sequence));
  bytes.set(payload, HEADER_BYTES);
  view.setUint32(16, checksum(bytes, payload.byteLength));
  return bytes;
}

/** The frame at `offset`, as a view of `file`; undefined when there is none, or an incomplete one. Never throws. */
export function decodeFrame(file: Uint8Array, offset: number): RedoFrame | undefined {
  const bytes = file.subarray(offset);
  if (bytes.byteLength < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const payloadBytes = view.getUint32(4);
  if (view.getUint32(0) !== MAGIC || payloadBytes > bytes.byteLength - HEADER_BYTES) {
    return undefined;
  }
  if (view.getUint32(16) !== checksum(bytes, payloadBytes)) return undefined;
  return {
    sequence: Number(view.getBigUint64(8)),
    payload: bytes.subarray(HEADER_BYTES, HEADER_BYTES + payloadBytes),
  };
}

function checksum(bytes: Uint8Array, payloadBytes: number): number {
  return crc32(
    bytes.subarray(HEADER_BYTES, HEADER_BYTES + payloadBytes),
    crc32(bytes.subarray(0, 16)),
  );
}
