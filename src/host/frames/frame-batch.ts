import { LIMITS } from "../../base/index.ts";

/** Bytes of one write, unless it is a single frame: more than the kernel usually takes at once. */
export const WRITE_BYTES_MAX = 256 * 1024;

/** Several frames as the bytes of one write. */
export interface Taken {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Memory in which batches are put together; one for all peers, because a batch is written before the next one is made.
 */
export class FrameSlab {
  #bytes = new Uint8Array(WRITE_BYTES_MAX);

  /** The memory, of any content. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** What was given last is still being read: the next batch gets other memory. */
  giveAway(): void {
    this.#bytes = new Uint8Array(WRITE_BYTES_MAX);
  }
}

/** Frames that wait to be sent to one peer, in order. */
export class FrameBatch {
  #frames: Uint8Array[] = [];
  /** Of the first frame that was not taken. */
  #next = 0;
  #bytes = 0;

  /** Frames waiting. */
  get count(): number {
    return this.#frames.length - this.#next;
  }

  /** Bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False beyond `LIMITS.frameBacklogBytesMax`: the frame was not taken. */
  push(frame: Uint8Array): boolean {
    if (this.#bytes + frame.byteLength > LIMITS.frameBacklogBytesMax) return false;
    this.#frames.push(frame);
    this.#bytes += frame.byteLength;
    return true;
  }

  /**
   * Takes the next frames, at least one, up to `bytesMax` (at most {@link WRITE_BYTES_MAX}) together. A single one is
   * given as it is, several are put together in `slab` (measured: a write of many pieces costs half as much again as
   * copying frames of 100 bytes).
   */
  take(bytesMax: number, slab: FrameSlab): Taken | undefined {
    const start = this.#next;
    const first = this.#frames[start];
    if (first === undefined) return undefined;
    let bytes = first.byteLength;
    let end = start + 1;
    for (; end < this.#frames.length; end++) {
      const length = (this.#frames[end] as Uint8Array).byteLength;
      if (bytes + length > bytesMax) break;
      bytes += length;
    }
    let joined = first;
    if (end > start + 1) {
      joined = slab.bytes;
      let at = 0;
      for (let index = start; index < end; index++) {
        const frame = this.#frames[index] as Uint8Array;
        joined.set(frame, at);
        at += frame.byteLength;
      }
      joined = joined.subarray(0, bytes);
    }
    this.#drop(end, bytes);
    return { bytes: joined, count: end - start };
  }

  /** Forgets all. How many there were. */
  clear(): number {
    const { count } = this;
    this.#frames = [];
    this.#next = 0;
    this.#bytes = 0;
    return count;
  }

  #drop(end: number, bytes: number): void {
    this.#bytes -= bytes;
    if (end === this.#frames.length) {
      this.#frames = [];
      this.#next = 0;
      return;
    }
    this.#next = end;
    // Frames that were taken are let go now and then, not one by one.
    if (end < 1_024) return;
    this.#frames.splice(0, end);
    this.#next = 0;
  }
}
