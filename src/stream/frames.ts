/**
 * The kernel's frames: bytes to values and back. docs/spec/streams.md [M20]-[M24].
 *
 * Each begins with its own length (u32, these four bytes included) and its type (u8). Numbers of endpoints and messages are
 * 64-bit floats, which hold whole numbers up to 2^53; all is big endian.
 */
import type { EndpointId, Place } from "./model.ts";

/** Flags of a segment. */
export const SEGMENT = {
  /** The last one of its message. */
  end: 1,
  /** The sender waits for the reply. On the first segment. */
  wantsReply: 2,
  /** The message begins with the streams that wait for it: their count (u8), then their ids. On the first segment. */
  chain: 4,
} as const;

/** A message, or a piece of one; each has a sequence number. */
export interface Segment {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

/** What sites say to each other. `source` sends messages to `target`. */
export type Frame =
  /** Segments `first`, `first + 1`, …; with none it asks for an `ack`. */
  | {
      readonly type: "append";
      readonly source: EndpointId;
      readonly sourceEpoch: number;
      readonly target: EndpointId;
      readonly targetEpoch: number;
      /** The lowest number that the source still keeps: those below were acknowledged, or will never come. */
      readonly base: number;
      readonly first: number;
      readonly sourceName: string;
      readonly segments: readonly Segment[];
    }
  | {
      readonly type: "ack";
      readonly source: EndpointId;
      readonly target: EndpointId;
      readonly targetEpoch: number;
      /** All up to here are consumed: the source may forget them. */
      readonly consumed: number;
      /** All up to here have arrived. */
      readonly received: number;
      /** Segments that may be sent beyond `consumed`. */
      readonly credit: number;
      /** Lowest number that has arrived beyond a hole; 0: no hole. */
      readonly beyondGap: number;
    }
  /** The target is elsewhere. */
  | {
      readonly type: "moved";
      readonly source: EndpointId;
      readonly target: EndpointId;
      readonly targetEpoch: number;
      readonly place: Place;
    }
  /** The target takes nothing from this source. */
  | {
      readonly type: "refused";
      readonly source: EndpointId;
      readonly target: EndpointId;
      readonly targetEpoch: number;
      readonly code: string;
      readonly message: string;
    }
  /** A source that lost its numbers asks where to go on. */
  | {
      readonly type: "resync";
      readonly source: EndpointId;
      readonly sourceEpoch: number;
      readonly target: EndpointId;
      readonly targetEpoch: number;
    }
  | {
      readonly type: "resynced";
      readonly source: EndpointId;
      readonly sourceEpoch: number;
      readonly target: EndpointId;
      readonly targetEpoch: number;
      readonly received: number;
    };

const TYPE = { append: 1, ack: 2, moved: 3, refused: 4, resync: 5, resynced: 6 } as const;

/** Bytes of an `append` frame besides its name and segments. */
export const APPEND_BYTES = 5 + 8 + 4 + 8 + 4 + 8 + 8 + 1 + 2;
/** Bytes of a segment besides its content. */
export const SEGMENT_BYTES = 5;

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });

/** Writes one frame. Names and texts are cut to 255 bytes. */
export function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.type) {
    case "append": {
      const name = bytesOf(frame.sourceName);
      let length = APPEND_BYTES + name.byteLength;
      for (const { bytes } of frame.segments) length += SEGMENT_BYTES + bytes.byteLength;
      const writer = new Writer(length, TYPE.append);
      writer.f64(frame.source).u32(frame.sourceEpoch).f64(frame.target).u32(frame.targetEpoch);
      writer.f64(frame.base).f64(frame.first).short(name).u16(frame.segments.length);
      for (const { flags, bytes } of frame.segments)
        writer.u8(flags).u32(bytes.byteLength).raw(bytes);
      return writer.bytes;
    }
    case "ack":
      return new Writer(5 + 8 + 8 + 4 + 8 + 8 + 4 + 8, TYPE.ack)
        .f64(frame.source)
        .f64(frame.target)
        .u32(frame.targetEpoch)
        .f64(frame.consumed)
        .f64(frame.received)
        .u32(frame.credit)
        .f64(frame.beyondGap).bytes;
    case "moved": {
      const site = bytesOf(frame.place.site);
      return new Writer(5 + 8 + 8 + 4 + 4 + 1 + site.byteLength, TYPE.moved)
        .f64(frame.source)
        .f64(frame.target)
        .u32(frame.targetEpoch)
        .u32(frame.place.instance)
        .short(site).bytes;
    }
    case "refused": {
      const code = bytesOf(frame.code);
      const message = bytesOf(frame.message);
      return new Writer(5 + 8 + 8 + 4 + 2 + code.byteLength + message.byteLength, TYPE.refused)
        .f64(frame.source)
        .f64(frame.target)
        .u32(frame.targetEpoch)
        .short(code)
        .short(message).bytes;
    }
    case "resync":
      return new Writer(5 + 8 + 4 + 8 + 4, TYPE.resync)
        .f64(frame.source)
        .u32(frame.sourceEpoch)
        .f64(frame.target)
        .u32(frame.targetEpoch).bytes;
    case "resynced":
      return new Writer(5 + 8 + 4 + 8 + 4 + 8, TYPE.resynced)
        .f64(frame.source)
        .u32(frame.sourceEpoch)
        .f64(frame.target)
        .u32(frame.targetEpoch)
        .f64(frame.received).bytes;
  }
}

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

/** Names are short and plain: writing them so takes a fraction of the encoder's time. Undefined for other texts. */
function asciiOf(value: string): Uint8Array | undefined {
  if (value.length > 64) return undefined;
  const bytes = new Uint8Array(value.length);
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code > 0x7f) return undefined;
    bytes[index] = code;
  }
  return bytes;
}

function bytesOf(value: string): Uint8Array {
  const bytes = asciiOf(value) ?? utf8.encode(value);
  if (bytes.byteLength <= 255) return bytes;
  // Not in the middle of a character.
  let end = 255;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

class Writer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 5;

  constructor(length: number, type: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
    this.#view.setUint32(0, length);
    this.#view.setUint8(4, type);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
    return this;
  }

  f64(value: number): this {
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
    return this;
  }

  short(value: Uint8Array): this {
    return this.u8(value.byteLength).raw(value);
  }

  raw(value: Uint8Array): this {
    this.bytes.set(value, this.#at);
    this.#at += value.byteLength;
    return this;
  }
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
        return this.#append();
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
          place: { site: this.#short(), instance },
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

  #append(): Frame {
    const source = this.#whole();
    const sourceEpoch = this.#u32();
    const target = this.#whole();
    const targetEpoch = this.#u32();
    const base = this.#whole();
    const first = this.#whole();
    const sourceName = this.#short();
    const count = this.#u16();
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
