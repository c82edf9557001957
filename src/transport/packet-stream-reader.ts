import { claimedLength, LENGTH_KNOWN_BYTES, plain } from "./whole-packets.ts";

/** Memory given to an unfinished packet before its bytes have come: a claim of 64 KiB costs its maker as much. */
const FIRST_BYTES = 4_096;

/**
 * Cuts a byte stream into packets. What came in one piece is passed on in one piece, uncopied; only a packet that
 * straddles pieces is copied, so that it does not keep two of them.
 */
export class PacketStreamReader {
  readonly #deliver: (bytes: Uint8Array) => void;
  /** The beginning of an unfinished packet. */
  #partial = new Uint8Array(0);
  #filled = 0;
  #isBroken = false;

  /** @param deliver gets one or more whole packets, which belong to it */
  constructor(deliver: (bytes: Uint8Array) => void) {
    this.#deliver = deliver;
  }

  /** True when the stream so far ends with a whole packet. */
  get isAtBoundary(): boolean {
    return this.#filled === 0 && !this.#isBroken;
  }

  /** Bytes held for the unfinished packet, at most `LIMITS.packetBytesMax`. */
  get heldBytes(): number {
    return this.#partial.byteLength;
  }

  /** False when a packet should start and none does; the stream is unusable from there on. */
  push(piece: Uint8Array): boolean {
    if (this.#isBroken) return false;
    let rest = plain(piece);
    while (this.#filled > 0 && rest.byteLength > 0) {
      const used = this.#complete(rest);
      if (used === undefined) return this.#break();
      rest = rest.subarray(used);
    }
    let end = 0;
    while (rest.byteLength - end >= LENGTH_KNOWN_BYTES) {
      const length = claimedLength(rest, end);
      if (length === undefined) {
        if (end > 0) this.#deliver(rest.subarray(0, end));
        return this.#break();
      }
      if (length > rest.byteLength - end) break;
      end += length;
    }
    if (end === rest.byteLength) {
      if (end > 0) this.#deliver(rest);
      return true;
    }
    if (end > 0) this.#deliver(rest.subarray(0, end));
    this.#keep(rest.subarray(end));
    return true;
  }

  /** Adds missing bytes to the unfinished packet. Returns how many; undefined when it is not a packet. */
  #complete(piece: Uint8Array): number | undefined {
    if (this.#filled < LENGTH_KNOWN_BYTES) {
      const used = Math.min(LENGTH_KNOWN_BYTES - this.#filled, piece.byteLength);
      this.#append(piece.subarray(0, used), LENGTH_KNOWN_BYTES);
      return used;
    }
    const length = claimedLength(this.#partial, 0);
    if (length === undefined) return undefined;
    const used = Math.min(length - this.#filled, piece.byteLength);
    this.#append(piece.subarray(0, used), length);
    if (this.#filled === length) {
      const packet = this.#partial.subarray(0, length);
      this.#partial = new Uint8Array(0);
      this.#filled = 0;
      this.#deliver(packet);
    }
    return used;
  }

  #keep(piece: Uint8Array): void {
    const length = piece.byteLength < LENGTH_KNOWN_BYTES ? undefined : claimedLength(piece, 0);
    this.#append(piece, length ?? LENGTH_KNOWN_BYTES);
  }

  /** @param bytesMax how long the packet can become, as far as is known */
  #append(piece: Uint8Array, bytesMax: number): void {
    const needed = this.#filled + piece.byteLength;
    if (needed > this.#partial.byteLength) {
      const size = Math.max(needed, FIRST_BYTES, 2 * this.#partial.byteLength);
      const grown = new Uint8Array(Math.min(bytesMax, size));
      grown.set(this.#partial.subarray(0, this.#filled));
      this.#partial = grown;
    }
    this.#partial.set(piece, this.#filled);
    this.#filled = needed;
  }

  #break(): false {
    this.#isBroken = true;
    this.#partial = new Uint8Array(0);
    this.#filled = 0;
    return false;
  }
}
