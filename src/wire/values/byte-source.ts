/** Bytes that are no value. */
export class Malformed extends Error {}

/** Texts up to here are read character by character. */
const SHORT_TEXT = 24;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const { fromCharCode } = String;
const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

/** Bytes that are read from the start to the end. Everything throws {@link Malformed} beyond the end. */
export class ByteSource {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.byteLength;
  }

  get position(): number {
    return this.#at;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    if (this.#at >= this.#end) throw new Malformed("it ends in the middle");
    return this.#bytes[this.#at++] as number;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return ((this.u16() << 16) | this.u16()) >>> 0;
  }

  u64(): bigint {
    this.#take8();
    return eightView.getBigUint64(0);
  }

  i64(): bigint {
    this.#take8();
    return eightView.getBigInt64(0);
  }

  f32(): number {
    eightView.setUint32(0, this.u32());
    return eightView.getFloat32(0);
  }

  f64(): number {
    this.#take8();
    return eightView.getFloat64(0);
  }

  /** UTF-8; what is none becomes U+FFFD. */
  text(length: number): string {
    const start = this.#advance(length);
    return (length <= SHORT_TEXT ? this.#short(start, length) : undefined) ?? this.#long(start);
  }

  /** So many bytes, in a buffer of their own. */
  copy(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#advance(length);
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  /** Those from an earlier position to here. */
  since(start: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  /** Passes over these bytes, if they are next. */
  skip(expected: Uint8Array): boolean {
    const { byteLength } = expected;
    if (byteLength > this.left) return false;
    const bytes = this.#bytes;
    const at = this.#at;
    for (let index = 0; index < byteLength; index++)
      if (bytes[at + index] !== expected[index]) return false;
    this.#at += byteLength;
    return true;
  }

  /** Of the next few bytes. */
  hash(): number {
    const at = this.#at;
    let hash = 0;
    for (let index = at; index < at + 8 && index < this.#end; index++)
      hash = (31 * hash + (this.#bytes[index] as number)) | 0;
    return hash >>> 0;
  }

  #advance(length: number): number {
    if (length > this.left) throw new Malformed("it ends in the middle");
    const start = this.#at;
    this.#at += length;
    return start;
  }

  #take8(): void {
    const start = this.#advance(8);
    for (let index = 0; index < 8; index++) eight[index] = this.#bytes[start + index] as number;
  }

  /** Undefined: not all of it is ASCII. */
  #short(start: number, length: number): string | undefined {
    const bytes = this.#bytes;
    let text = "";
    let at = start;
    const end = start + length;
    for (; at + 4 <= end; at += 4) {
      const a = bytes[at] as number;
      const b = bytes[at + 1] as number;
      const c = bytes[at + 2] as number;
      const d = bytes[at + 3] as number;
      if ((a | b | c | d) >= 0x80) return undefined;
      text += fromCharCode(a, b, c, d);
    }
    for (; at < end; at++) {
      const unit = bytes[at] as number;
      if (unit >= 0x80) return undefined;
      text += fromCharCode(unit);
    }
    return text;
  }

  #long(start: number): string {
    return utf8.decode(this.#bytes.subarray(start, this.#at));
  }
}
