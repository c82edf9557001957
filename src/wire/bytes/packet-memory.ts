/** Memory is taken from the system in pieces of so many bytes. */
const BLOCK_BYTES = 64 * 1024;
/** What is larger gets memory of its own, so that no block is left half used. */
const SHARED_BYTES_MAX = 4 * 1024;

/**
 * Makes buffers for packets out of larger blocks: to have the system make each costs more than to fill it. A block lives as
 * long as any of its packets, so they should be let go in about the order in which they were made.
 */
export class PacketMemory {
  #block = new ArrayBuffer(0);
  #used = 0;

  /** A buffer of zeros that is nobody else's. */
  take(bytes: number): Uint8Array {
    if (bytes > SHARED_BYTES_MAX) return new Uint8Array(bytes);
    if (this.#used + bytes > this.#block.byteLength) {
      this.#block = new ArrayBuffer(BLOCK_BYTES);
      this.#used = 0;
    }
    const buffer = new Uint8Array(this.#block, this.#used, bytes);
    this.#used += bytes;
    return buffer;
  }
}
