import { type Frame, type Segment, TYPE } from "./frames.ts";

const text = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads the frames in `bytes`, one behind the other; contents are borrowed from it.
 *
 * @param take gets each frame in order
 * @returns the number of frames that were none: reading stops at the first
 */
export function decodeFrames(bytes: Uint8Array, take: (frame: Frame) => void): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  while (offset < bytes.byteLength) {
    if (offset + 5 > bytes.byteLength) return 1;
    const length = view.getUint32(offset);
    if (length < 5 || offset + length > bytes.byteLength) return 1;
    const frame = new Reader(bytes, view, offset, offset + length).frame();
    if (frame === undefined) return 1;
    take(frame);
    offset += length;
  }
  return 0;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #end: number;
  #failed = false;

  constructor(bytes: Uint8Array, view: DataView, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = start + 4;
    this.#end = end;
  }

  /** Undefined when it is none. */
  frame(): Frame | undefined {
    const frame = this.#read(this.#u8());
    return this.#failed || this.#at !== this.#end ? undefined : frame;
  }

  #read(type: number): Frame | undefined {
    switch (type) {
      case TYPE.append:
        return this.#append(false);
      case TYPE.appendAs:
        return this.#append(true);
      case TYPE.ack:
        return {
          type: "ack",
          source: this.#whole(),
          target: this.#whole(),
          targetEpoch: this.#u32(),
          consumed: this.#whole(),
          received: this.#whole(),
          credit: this.#u32(),
          beyondGap: this.#whole(),
        };
      case TYPE.moved: {
        const source = this.#whole();
        const target = this.#whole();
        const targetEpoch = this.#u32();
        const instance = this.#u32();
        return {
          type: "moved",
          source,
          target,
          targetEpoch,
          siteInstance: { site: this.#short(), instance },
        };
      }
      case TYPE.refused:
        return {
          type: "refused",
          source: this.#whole(),
          target: this.#whole(),
          targetEpoch: this.#u32(),
          code: this.#short(),
          message: this.#short(),
        };
      case TYPE.resync:
        return {
          type: "resync",
          source: this.#whole(),
          sourceEpoch: this.#u32(),
          target: this.#whole(),
          targetEpoch: this.#u32(),
        };
      case TYPE.resynced:
        return {
          type: "resynced",
          source: this.#whole(),
          sourceEpoch: this.#u32(),
          target: this.#whole(),
          targetEpoch: this.#u32(),
          received: this.#whole(),
        };
      default:
        return undefined;
    }
  }

  #append(isAs: boolean): Frame {
    const source = this.#whole();
    const sourceEpoch = this.#u32();
    const target = this.#whole();
    const targetEpoch = this.#u32();
    const base = this.#whole();
    const first = this.#whole();
    const sourceName = this.#short();
    const count = this.#u16();
    const sourcePrincipal = isAs ? this.#short() : undefined;
    const segments: Segment[] = [];
    for (let index = 0; index < count && !this.#failed; index++) {
      const flags = this.#u8();
      segments.push({ flags, bytes: this.#raw(this.#u32()) });
    }
    if (first < base || base < 1) this.#failed = true;
    return {
      type: "append",
      source,
      sourceEpoch,
      target,
      targetEpoch,
      base,
      first,
      sourceName,
      ...(sourcePrincipal === undefined ? {} : { sourcePrincipal }),
      segments,
    };
  }

  #has(bytes: number): boolean {
    if (this.#at + bytes <= this.#end) return true;
    this.#failed = true;
    return false;
  }

  #u8(): number {
    return this.#has(1) ? this.#view.getUint8(this.#at++) : 0;
  }

  #u16(): number {
    if (!this.#has(2)) return 0;
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  #u32(): number {
    if (!this.#has(4)) return 0;
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  /** A whole number; a reply box is a negative one. */
  #whole(): number {
    if (!this.#has(8)) return 0;
    const value = this.#view.getFloat64(this.#at);
    this.#at += 8;
    if (!Number.isSafeInteger(value)) this.#failed = true;
    return value;
  }

  #short(): string {
    const bytes = this.#raw(this.#u8());
    try {
      return text.decode(bytes);
    } catch {
      this.#failed = true;
      return "";
    }
  }

  #raw(length: number): Uint8Array {
    if (!this.#has(length)) return new Uint8Array();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
