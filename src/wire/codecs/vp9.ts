/** VP9 over RTP (RFC 9628). */
import { assert } from "../../base/index.ts";
import { readU16, writeU16 } from "../bytes/big-endian.ts";
import { BitReader } from "../bytes/bit-reader.ts";
import type { FrameBuilder } from "./frame-builder.ts";
import { type FrameAssembly, FrameDepacketizer } from "./frame-depacketizer.ts";
import {
  type Depacketizer,
  type Inspector,
  NO_FACTS,
  type Packetizer,
  type PacketPosition,
  type PayloadFacts,
} from "./media-format.ts";
import { type PictureFollower, PictureIds, type PictureRole } from "./picture-follower.ts";
import { decodeVp9KeyFrame } from "./vp-key-frames.ts";

/** The payload descriptor (RFC 9628 §4.2). */
export interface Vp9Descriptor {
  /** Bytes of the descriptor. */
  readonly length: number;
  /** P: the frame refers to earlier pictures. Not all senders set it. */
  readonly interPredicted: boolean;
  /** B: a layer's frame starts here. */
  readonly start: boolean;
  /** E: it ends here. */
  readonly end: boolean;
  /** 7 or 15 bits, wraps. */
  readonly pictureId?: number | undefined;
  /** TID, 0..7. */
  readonly temporalLayer?: number | undefined;
  /** SID, 0..7. */
  readonly spatialLayer?: number | undefined;
  /** u8, wraps: counts pictures of the base temporal layer. */
  readonly tl0PicIdx?: number | undefined;
  /** Width and height in pixels of each spatial layer, where the scalability structure has them. */
  readonly sizes?: readonly (readonly [width: number, height: number])[] | undefined;
}

const BIT = { i: 0x80, p: 0x40, l: 0x20, f: 0x10, b: 0x08, e: 0x04, v: 0x02 } as const;
/** RFC 9628 §4.2: there are at most three references. */
const REFERENCES_MAX = 3;

/** Reads the descriptor at the start of a payload. Undefined when it is malformed or truncated. */
export function decodeVp9Descriptor(payload: Uint8Array): Vp9Descriptor | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  const has = (bit: number): boolean => (first & bit) !== 0;
  let at = 1;
  let pictureId: number | undefined;
  let temporalLayer: number | undefined;
  let spatialLayer: number | undefined;
  let tl0PicIdx: number | undefined;
  let structure: Structure | undefined;
  if (has(BIT.i)) {
    const isWide = ((payload[at] ?? 0) & 0x80) !== 0;
    pictureId = isWide ? readU16(payload, at) & 0x7fff : payload[at];
    at += isWide ? 2 : 1;
  }
  if (has(BIT.l)) {
    const layer = payload[at++] ?? 0;
    temporalLayer = layer >> 5;
    spatialLayer = (layer >> 1) & 7;
    if (!has(BIT.f)) tl0PicIdx = payload[at++];
  }
  if (has(BIT.f) && has(BIT.p)) {
    let hasMore = true;
    for (let count = 0; hasMore; count++) {
      if (count === REFERENCES_MAX) return undefined;
      hasMore = ((payload[at++] ?? 0) & 1) !== 0;
    }
  }
  if (has(BIT.v)) {
    structure = readStructure(payload, at);
    if (structure === undefined) return undefined;
    at = structure.end;
  }
  if (at > payload.byteLength) return undefined;
  return {
    length: at,
    interPredicted: has(BIT.p),
    start: has(BIT.b),
    end: has(BIT.e),
    pictureId,
    temporalLayer,
    spatialLayer,
    tl0PicIdx,
    sizes: structure?.sizes,
  };
}

interface Structure {
  readonly end: number;
  readonly sizes: readonly (readonly [number, number])[] | undefined;
}

/** The scalability structure (RFC 9628 §4.2.1): layers, their sizes, and the pictures of a group. */
function readStructure(payload: Uint8Array, from: number): Structure | undefined {
  const head = payload[from];
  if (head === undefined) return undefined;
  let at = from + 1;
  let sizes: (readonly [number, number])[] | undefined;
  if ((head & 0x10) !== 0) {
    const layers = (head >> 5) + 1;
    if (at + layers * 4 > payload.byteLength) return undefined;
    sizes = Array.from({ length: layers }, (_, layer) => {
      const place = at + layer * 4;
      return [readU16(payload, place), readU16(payload, place + 2)] as const;
    });
    at += layers * 4;
  }
  if ((head & 0x08) !== 0) {
    const pictures = payload[at++] ?? 0;
    for (let picture = 0; picture < pictures; picture++) {
      const references = ((payload[at++] ?? 0) >> 2) & 3;
      at += references;
    }
  }
  return { end: at, sizes };
}

/** The uncompressed header of a frame (VP9 bitstream §6.2). */
interface FrameHead {
  readonly key: boolean;
  /** No later frame can refer to it. */
  readonly unreferenced: boolean;
}

/** Undefined when it is not a VP9 frame. */
function readFrameHead(frame: Uint8Array): FrameHead | undefined {
  const reader = new BitReader(frame);
  if (reader.bits(2) !== 2) return undefined;
  const low = reader.bits(1);
  const profile = reader.bits(1) * 2 + low;
  if (profile === 3) reader.skip(1);
  const showsExisting = reader.flag();
  if (showsExisting) return { key: false, unreferenced: true };
  const key = !reader.flag();
  const isShown = reader.flag();
  const isResilient = reader.flag();
  if (key) return { key, unreferenced: false };
  const intraOnly = !isShown && reader.flag();
  if (!isResilient) reader.skip(2);
  if (intraOnly) return { key, unreferenced: false };
  const refreshed = reader.bits(8);
  return { key, unreferenced: refreshed === 0 && !reader.exhausted };
}

/** The first packet of a layer's frame holds the frame's header; those after it belong to the same frame. */
export class Vp9Inspector implements Inspector {
  #unreferenced = false;

  inspect(payload: Uint8Array, place: PacketPosition): PayloadFacts {
    const descriptor = decodeVp9Descriptor(payload);
    if (descriptor === undefined || descriptor.length === payload.byteLength) return NO_FACTS;
    const head = descriptor.start
      ? readFrameHead(payload.subarray(descriptor.length, descriptor.length + HEAD_BYTES_MAX))
      : undefined;
    const begin = descriptor.start && (descriptor.spatialLayer ?? 0) === 0;
    if (place !== "late") {
      if (descriptor.start) this.#unreferenced = head?.unreferenced ?? false;
      else if (place === "after-loss") this.#unreferenced = false;
    }
    return {
      begin,
      first: begin,
      keyframe: begin && head?.key === true,
      discardable: place === "late" ? (head?.unreferenced ?? false) : this.#unreferenced,
      parameterSets: NO_FACTS.parameterSets,
    };
  }
}

/** Enough to read {@link FrameHead}. */
const HEAD_BYTES_MAX = 4;
const DESCRIPTOR_BYTES = 3;
/** Head, width and height of one layer. */
const STRUCTURE_BYTES = 5;

/**
 * Cuts frames into fragments of nearly equal size, with a 15-bit picture id; key frames contain the size of the
 * picture.
 */
export class Vp9Packetizer implements Packetizer {
  readonly marksEnd = true;
  readonly #payloadBytesMax: number;
  #pictureId = 0;

  constructor(options: { readonly maxPayloadBytes: number }) {
    this.#payloadBytesMax = options.maxPayloadBytes;
    assert(options.maxPayloadBytes > DESCRIPTOR_BYTES, "a VP9 payload has room for a byte");
  }

  packetize(frame: { readonly bytes: Uint8Array; readonly key: boolean }): Uint8Array[] {
    const { bytes, key } = frame;
    const structure = this.#structureOf(frame);
    const room = this.#payloadBytesMax - DESCRIPTOR_BYTES - structure.byteLength;
    const count = Math.ceil(bytes.byteLength / room);
    const size = Math.ceil(bytes.byteLength / count);
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < bytes.byteLength; at += size) {
      const data = bytes.subarray(at, at + size);
      const extra = at === 0 ? structure : NO_STRUCTURE;
      const start = at === 0 ? BIT.b : 0;
      const end = at + size >= bytes.byteLength ? BIT.e : 0;
      const told = extra.byteLength > 0 ? BIT.v : 0;
      const payload = new Uint8Array(DESCRIPTOR_BYTES + extra.byteLength + data.byteLength);
      payload[0] = BIT.i | (key ? 0 : BIT.p) | start | end | told;
      writeU16(payload, 1, 0x8000 | this.#pictureId);
      payload.set(extra, DESCRIPTOR_BYTES);
      payload.set(data, DESCRIPTOR_BYTES + extra.byteLength);
      payloads.push(payload);
    }
    if (count > 0) this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    return payloads;
  }

  #structureOf({ bytes, key }: { bytes: Uint8Array; key: boolean }): Uint8Array {
    const hasRoom = this.#payloadBytesMax > 2 * (DESCRIPTOR_BYTES + STRUCTURE_BYTES);
    const size = key && hasRoom ? decodeVp9KeyFrame(bytes) : undefined;
    if (size === undefined || size.width > 0xffff || size.height > 0xffff) return NO_STRUCTURE;
    const structure = Uint8Array.of(0x10, 0, 0, 0, 0);
    writeU16(structure, 1, size.width);
    writeU16(structure, 3, size.height);
    return structure;
  }
}

const NO_STRUCTURE = new Uint8Array(0);

/** VP9 packets to VP9 frames; the layers of one picture come as one. */
export function vp9Depacketizer(): Depacketizer {
  return new FrameDepacketizer(new Vp9Assembly(), new Vp9Follower());
}

/** Under one timestamp, another picture id tells another picture; without ids, a beginning behind a marker does. */
export class Vp9Follower implements PictureFollower {
  readonly #ids = new PictureIds();

  begin(): void {
    this.#ids.begin();
  }

  role(payload: Uint8Array, isMarked: boolean): PictureRole {
    const descriptor = decodeVp9Descriptor(payload);
    if (descriptor === undefined) return "none";
    const begins = descriptor.start && (descriptor.spatialLayer ?? 0) === 0;
    return this.#ids.role(begins, descriptor.pictureId, isMarked);
  }
}

class Vp9Assembly implements FrameAssembly {
  #isOpen = false;
  #hasLayers = false;

  begins(payload: Uint8Array): boolean {
    const descriptor = decodeVp9Descriptor(payload);
    return descriptor?.start === true && (descriptor.spatialLayer ?? 0) === 0;
  }

  reset(builder: FrameBuilder): void {
    this.#isOpen = false;
    builder.clear();
  }

  append(payload: Uint8Array, builder: FrameBuilder): boolean {
    const descriptor = decodeVp9Descriptor(payload);
    if (descriptor === undefined || descriptor.length === payload.byteLength) return false;
    // A layer's frame starts once, after the end of the one before, with its fragments in between.
    if (descriptor.start === this.#isOpen) return false;
    this.#isOpen = !descriptor.end;
    this.#hasLayers = descriptor.spatialLayer !== undefined;
    builder.append(payload.subarray(descriptor.length));
    return true;
  }

  /** The end of a layer's frame is marked, but another layer may follow. */
  isWhole(): boolean | undefined {
    if (this.#isOpen) return false;
    return this.#hasLayers ? undefined : true;
  }

  finish(builder: FrameBuilder): { bytes: Uint8Array; key: boolean } | "broken" {
    if (this.#isOpen) return "broken";
    const bytes = builder.slice();
    return { bytes, key: readFrameHead(bytes)?.key === true };
  }
}
