import { LIMITS } from "../../base/index.ts";

const BYTES_AT_START = 64 * 1024;

/**
 * Collects the bytes of one frame after the other in one buffer, so that a frame of many tiny pieces costs no more than
 * its bytes. Bounded by `LIMITS.frameBytesMax`.
 */
export class FrameBuilder {
  #bytes = new Uint8Array(BYTES_AT_START);
  #length = 0;
  #overflowed = false;

  /** Bytes collected. */
  get length(): number {
    return this.#length;
  }

  /** Something did not fit: what was collected is not the frame. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  clear(): void {
    this.#length = 0;
    this.#overflowed = false;
  }

  /** Removes what stands behind the first `length` bytes. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Copies. */
  append(bytes: Uint8Array): void {
    if (!this.#reserve(bytes.byteLength)) return;
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  appendByte(byte: number): void {
    if (!this.#reserve(1)) return;
    this.#bytes[this.#length++] = byte;
  }

  /** A copy of what stands from `start` (inclusive) to `end` (exclusive). */
  slice(start = 0, end = this.#length): Uint8Array {
    return this.#bytes.slice(start, Math.min(end, this.#length));
  }

  #reserve(count: number): boolean {
    const wanted = this.#length + count;
    if (wanted > LIMITS.frameBytesMax) this.#overflowed = true;
    if (this.#overflowed) return false;
    if (wanted > this.#bytes.byteLength) {
      const size = Math.min(LIMITS.frameBytesMax, Math.max(wanted, this.#bytes.byteLength * 2));
      const larger = new Uint8Array(size);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    return true;
  }
}
