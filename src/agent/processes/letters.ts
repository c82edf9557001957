/** u32 bytes of what follows. */
const HEAD_BYTES = 4;

/** Bytes with their length before them, as a stream carries them. */
export function frameLetter(parts: readonly Uint8Array[]): Buffer {
  let bytes = 0;
  for (const { byteLength } of parts) bytes += byteLength;
  const letter = Buffer.allocUnsafe(HEAD_BYTES + bytes);
  letter.writeUInt32LE(bytes, 0);
  let at = HEAD_BYTES;
  for (const part of parts) {
    letter.set(part, at);
    at += part.byteLength;
  }
  return letter;
}

/** Cuts a stream of bytes into the letters that {@link frameLetter} made. */
export class LetterReader {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param bytesMax of one letter */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * What came. The letters that it completes, each with memory of its own or a view of `chunk`; undefined when a letter
   * would be too large, which ends the stream.
   */
  take(chunk: Buffer): Buffer[] | undefined {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    const letters: Buffer[] = [];
    for (;;) {
      if (this.#bytes < HEAD_BYTES) return letters;
      const length = this.#peek(HEAD_BYTES).readUInt32LE(0);
      if (length > this.#bytesMax) return undefined;
      if (this.#bytes < HEAD_BYTES + length) return letters;
      const whole = this.#peek(HEAD_BYTES + length);
      letters.push(whole.subarray(HEAD_BYTES, HEAD_BYTES + length));
      const rest = whole.subarray(HEAD_BYTES + length);
      this.#bytes = this.#bytes - HEAD_BYTES - length;
      this.#chunks.shift();
      if (rest.byteLength > 0) this.#chunks.unshift(rest);
    }
  }

  /** The first chunk, with at least so many bytes. */
  #peek(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.byteLength >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
