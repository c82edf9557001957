/** Reads bit fields, most significant bit first. Past the end it reads zeros and reports that. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes viewed, not copied */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** True once more was read than there is: nothing that was read counts then. */
  get exhausted(): boolean {
    return this.#at > this.#bytes.byteLength * 8;
  }

  /** Bits read or skipped so far. */
  get position(): number {
    return this.#at;
  }

  /** `f(count)`. @param count 0..32 */
  bits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--) value = value * 2 + this.#bit();
    return value;
  }

  /** What {@link bits} will return. */
  peek(count: number): number {
    const value = this.bits(count);
    this.#at -= count;
    return value;
  }

  flag(): boolean {
    return this.#bit() === 1;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** `ue(v)` (ITU-T H.264 §9.1), also AV1's `uvlc()`. At most 2^32 - 2. */
  unsignedGolomb(): number {
    let zeros = 0;
    while (zeros < 32 && !this.exhausted && this.#bit() === 0) zeros++;
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** `se(v)` (ITU-T H.264 §9.1.1). */
  signedGolomb(): number {
    const code = this.unsignedGolomb();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  #bit(): number {
    const byte = this.#bytes[this.#at >> 3] ?? 0;
    const bit = (byte >> (7 - (this.#at & 7))) & 1;
    this.#at++;
    return bit;
  }
}

/**
 * A NAL unit without its emulation prevention bytes (ITU-T H.264 §7.4.1): 0 0 3 becomes 0 0. A view where there are
 * none.
 */
export function unescapeNal(nal: Uint8Array): Uint8Array {
  const kept: number[] = [];
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    kept.push(byte);
  }
  return kept.length === nal.byteLength ? nal : Uint8Array.from(kept);
}
