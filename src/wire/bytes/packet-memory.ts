/** Memory is taken from the system in pieces of so many bytes. */
const BLOCK_BYTES = 64 * 1024;
/** Larger buffers get their own memory, so that no block is left half used. */
const SHARED_BYTES_MAX = 4 * 1024;

/**
 * Allocates buffers for packets from larger blocks: allocating each costs more than filling it. A block lives as long
 * as any of its packets, so they should be released in about the order in which they were made.
 */
export class PacketMemory {
  #block = new ArrayBuffer(0);
  #used = 0;

  /** A zeroed buffer, owned by the caller. */
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
