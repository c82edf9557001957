/**
 * The kernel's frames, and their bytes. docs/spec/streams.md [M20]-[M24].
 *
 * Each begins with its own length (u32, these four bytes included) and its type (u8). Numbers of endpoints and messages
 * are 64-bit floats, which hold whole numbers up to 2^53; all is big endian.
 */
import type { EndpointId, SiteInstance } from "./model.ts";

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
      /** The principal of a shell that has shown a token, as its site says. */
      readonly sourcePrincipal?: string;
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
      readonly siteInstance: SiteInstance;
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

/** The byte behind a frame's length. `appendAs` is an `append` with the principal of its source. */
export const TYPE = {
  append: 1,
  ack: 2,
  moved: 3,
  refused: 4,
  resync: 5,
  resynced: 6,
  appendAs: 7,
} as const;

/** Bytes of an `append` frame besides its name and segments. */
export const APPEND_BYTES = 5 + 8 + 4 + 8 + 4 + 8 + 8 + 1 + 2;
/** Bytes of a segment besides its content. */
export const SEGMENT_BYTES = 5;

const utf8 = new TextEncoder();

/** Writes one frame. Names and texts are cut to 255 bytes. */
export function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.type) {
    case "append": {
      const name = bytesOf(frame.sourceName);
      const { sourcePrincipal } = frame;
      const principal = sourcePrincipal === undefined ? undefined : bytesOf(sourcePrincipal);
      let length = APPEND_BYTES + name.byteLength;
      if (principal !== undefined) length += 1 + principal.byteLength;
      for (const { bytes } of frame.segments) length += SEGMENT_BYTES + bytes.byteLength;
      const writer = new Writer(length, principal === undefined ? TYPE.append : TYPE.appendAs);
      writer.f64(frame.source).u32(frame.sourceEpoch).f64(frame.target).u32(frame.targetEpoch);
      writer.f64(frame.base).f64(frame.first).short(name).u16(frame.segments.length);
      if (principal !== undefined) writer.short(principal);
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
      const site = bytesOf(frame.siteInstance.site);
      return new Writer(5 + 8 + 8 + 4 + 4 + 1 + site.byteLength, TYPE.moved)
        .f64(frame.source)
        .f64(frame.target)
        .u32(frame.targetEpoch)
        .u32(frame.siteInstance.instance)
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

/** What stands before the segments of an `append`, or a whole `ack`. */
export type FrameHead =
  | (Omit<Extract<Frame, { type: "append" }>, "sourceName" | "sourcePrincipal" | "segments"> & {
      /** Of its segments. */
      readonly count: number;
    })
  | Extract<Frame, { type: "ack" }>;

/**
 * What an encoded `append` or `ack` is about, without reading its segments. Undefined for other frames.
 *
 * @param bytes one frame, as {@link encodeFrame} wrote it
 */
export function frameHead(bytes: Uint8Array): FrameHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (bytes[4]) {
    case TYPE.append:
    case TYPE.appendAs:
      return {
        type: "append",
        source: view.getFloat64(5),
        sourceEpoch: view.getUint32(13),
        target: view.getFloat64(17),
        targetEpoch: view.getUint32(25),
        base: view.getFloat64(29),
        first: view.getFloat64(37),
        count: view.getUint16(46 + view.getUint8(45)),
      };
    case TYPE.ack:
      return {
        type: "ack",
        source: view.getFloat64(5),
        target: view.getFloat64(13),
        targetEpoch: view.getUint32(21),
        consumed: view.getFloat64(25),
        received: view.getFloat64(33),
        credit: view.getUint32(41),
        beyondGap: view.getFloat64(45),
      };
    default:
      return undefined;
  }
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
