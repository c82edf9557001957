/** RTP and RTCP over a byte stream (RFC 4571 §2): each packet behind its length in 16 bits. */
import { assert } from "../base/index.ts";
import { readU16, writeU16 } from "./bytes/big-endian.ts";

const LENGTH_BYTES = 2;
const PACKET_BYTES_MAX = 0xffff;

/** All packets (each at most 65 535 bytes), concatenated in one new buffer. */
export function encodeFramed(packets: readonly Uint8Array[]): Uint8Array {
  const size = packets.reduce((sum, packet) => sum + LENGTH_BYTES + packet.byteLength, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const packet of packets) {
    assert(packet.byteLength <= PACKET_BYTES_MAX, "a framed packet has at most 65535 bytes");
    writeU16(bytes, at, packet.byteLength);
    bytes.set(packet, at + LENGTH_BYTES);
    at += LENGTH_BYTES + packet.byteLength;
  }
  return bytes;
}

/**
 * Splits a byte stream into packets again, however it was segmented.
 *
 * Holds one unfinished packet at most: 65 537 bytes. Any stream is valid, so there are no faults.
 */
export class FramedReader {
  #partial = new Uint8Array(2048);
  #held = 0;

  /** Bytes of the unfinished packet, its length field included. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * The packets that `bytes` completes, in order; empty ones (RFC 4571 §2 allows them) are left out.
   *
   * They are views of `bytes`, except that the first may be a copy.
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const packets: Uint8Array[] = [];
    let at = 0;
    if (this.#held > 0) {
      at = this.#hold(bytes, 0, LENGTH_BYTES);
      if (this.#held < LENGTH_BYTES) return packets;
      const size = LENGTH_BYTES + readU16(this.#partial, 0);
      at = this.#hold(bytes, at, size);
      if (this.#held < size) return packets;
      if (size > LENGTH_BYTES) packets.push(this.#partial.slice(LENGTH_BYTES, size));
      this.#held = 0;
    }
    while (at + LENGTH_BYTES <= bytes.byteLength) {
      const end = at + LENGTH_BYTES + readU16(bytes, at);
      if (end > bytes.byteLength) break;
      if (end > at + LENGTH_BYTES) packets.push(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    if (at < bytes.byteLength) this.#hold(bytes, at, LENGTH_BYTES + PACKET_BYTES_MAX);
    return packets;
  }

  /** Copies from `bytes` until `wanted` bytes are held or none are left; where it stopped. */
  #hold(bytes: Uint8Array, from: number, wanted: number): number {
    const to = Math.min(bytes.byteLength, from + Math.max(0, wanted - this.#held));
    const held = this.#held + to - from;
    if (held > this.#partial.byteLength) {
      const larger = new Uint8Array(
        Math.min(LENGTH_BYTES + PACKET_BYTES_MAX, Math.max(held, this.#partial.byteLength * 2)),
      );
      larger.set(this.#partial.subarray(0, this.#held));
      this.#partial = larger;
    }
    this.#partial.set(bytes.subarray(from, to), this.#held);
    this.#held = held;
    return to;
  }
}
