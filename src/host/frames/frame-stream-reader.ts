/** Bytes of a frame's own length, at its front. */
export const LENGTH_BYTES = 4;

/** Length that the frame at `at` says it has. Needs {@link LENGTH_BYTES} from there. */
export function frameLengthAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** What comes out of a {@link FrameStreamReader}. */
export interface FrameStreamEvents {
  /** One or more whole frames, one behind the other; they belong to the receiver. */
  frames(bytes: Uint8Array, count: number): void;
  /** [N7] A frame of nothing but its length: a sign of life is asked for, or given. */
  empty(): void;
}

/**
 * Cuts a byte stream into frames [N6]. What came in one piece is passed on in one piece, uncopied; a frame that
 * straddles pieces is copied once.
 */
export class FrameStreamReader {
  readonly #bytesMax: number;
  readonly #events: FrameStreamEvents;
  /** The beginning of a length that is not whole. */
  readonly #head = new Uint8Array(LENGTH_BYTES);
  #headFilled = 0;
  /** The unfinished frame, at its full length. */
  #frame: Uint8Array | undefined;
  #filled = 0;
  #isBroken = false;

  /** @param bytesMax of one frame */
  constructor(bytesMax: number, events: FrameStreamEvents) {
    this.#bytesMax = bytesMax;
    this.#events = events;
  }

  /** False when the stream is of no use from here on: a frame that is too long, or shorter than its own length. */
  push(piece: Uint8Array): boolean {
    if (this.#isBroken) return false;
    let at = 0;
    if (this.#headFilled > 0) {
      while (this.#headFilled < LENGTH_BYTES && at < piece.byteLength) {
        this.#head[this.#headFilled++] = piece[at++] as number;
      }
      if (this.#headFilled < LENGTH_BYTES) return true;
      this.#headFilled = 0;
      const length = frameLengthAt(this.#head, 0);
      if (!this.#isLength(length)) return this.#break();
      if (length === LENGTH_BYTES) this.#events.empty();
      else this.#begin(length, this.#head);
    }
    if (this.#frame !== undefined) {
      const end = Math.min(piece.byteLength, at + this.#frame.byteLength - this.#filled);
      this.#append(piece.subarray(at, end));
      at = end;
    }
    return this.#cut(piece, at);
  }

  /** Passes on the whole frames of `piece` from `start` on, and keeps what is left. */
  #cut(piece: Uint8Array, start: number): boolean {
    let from = start;
    let at = start;
    let count = 0;
    const passOn = (): void => {
      if (count > 0) this.#events.frames(piece.subarray(from, at), count);
      count = 0;
    };
    while (piece.byteLength - at >= LENGTH_BYTES) {
      const length = frameLengthAt(piece, at);
      if (!this.#isLength(length)) {
        passOn();
        return this.#break();
      }
      if (length === LENGTH_BYTES) {
        passOn();
        at += LENGTH_BYTES;
        from = at;
        this.#events.empty();
        continue;
      }
      if (length > piece.byteLength - at) {
        passOn();
        this.#begin(length, piece.subarray(at));
        return true;
      }
      at += length;
      count++;
    }
    passOn();
    while (at < piece.byteLength) this.#head[this.#headFilled++] = piece[at++] as number;
    return true;
  }

  #isLength(length: number): boolean {
    return length >= LENGTH_BYTES && length <= this.#bytesMax;
  }

  #begin(length: number, first: Uint8Array): void {
    this.#frame = new Uint8Array(length);
    this.#filled = 0;
    this.#append(first);
  }

  #append(bytes: Uint8Array): void {
    const frame = this.#frame;
    if (frame === undefined) return;
    frame.set(bytes, this.#filled);
    this.#filled += bytes.byteLength;
    if (this.#filled < frame.byteLength) return;
    this.#frame = undefined;
    this.#events.frames(frame, 1);
  }

  #break(): false {
    this.#isBroken = true;
    this.#frame = undefined;
    return false;
  }
}

/** How many frames fill `bytes` exactly; undefined when they do not. None may be empty or longer than `bytesMax`. */
export function countFrames(bytes: Uint8Array, bytesMax: number): number | undefined {
  let at = 0;
  let count = 0;
  while (bytes.byteLength - at >= LENGTH_BYTES) {
    const length = frameLengthAt(bytes, at);
    if (length <= LENGTH_BYTES || length > bytesMax || length > bytes.byteLength - at) {
      return undefined;
    }
    at += length;
    count++;
  }
  return at === bytes.byteLength && count > 0 ? count : undefined;
}
