/** VP8 over RTP (RFC 7741). */
import { assert } from "../../base/index.ts";
import { readU16, writeU16 } from "../bytes/big-endian.ts";
import type { FrameBuilder } from "./frame-builder.ts";
import { type FrameAssembly, FrameDepacketizer } from "./frame-depacketizer.ts";
import {
  type Depacketizer,
  type Inspector,
  NO_FACTS,
  type Packetizer,
  type PayloadFacts,
} from "./media-format.ts";
import { type PictureFollower, PictureIds, type PictureRole } from "./picture-follower.ts";

/** The payload descriptor (RFC 7741 §4.2). */
export interface Vp8Descriptor {
  /** Bytes of the descriptor. */
  readonly length: number;
  /** N: no later frame refers to this one. */
  readonly nonReference: boolean;
  /** S: a partition starts here. */
  readonly start: boolean;
  /** PID, 0..7. */
  readonly partition: number;
  /** 7 or 15 bits, wraps. */
  readonly pictureId?: number | undefined;
  /** u8, wraps: counts frames of the base temporal layer. */
  readonly tl0PicIdx?: number | undefined;
  /** TID, 0..3. */
  readonly temporalLayer?: number | undefined;
  /** 0..31. */
  readonly keyIndex?: number | undefined;
}

/** Reads the descriptor at the front of a payload. Undefined when the payload is too short to hold it. */
export function decodeVp8Descriptor(payload: Uint8Array): Vp8Descriptor | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  const base = {
    nonReference: (first & 0x20) !== 0,
    start: (first & 0x10) !== 0,
    partition: first & 7,
  };
  if ((first & 0x80) === 0) return { ...base, length: 1 };

  const present = payload[1];
  if (present === undefined) return undefined;
  let at = 2;
  let pictureId: number | undefined;
  let tl0PicIdx: number | undefined;
  let temporalLayer: number | undefined;
  let keyIndex: number | undefined;
  if ((present & 0x80) !== 0) {
    const wide = ((payload[at] ?? 0) & 0x80) !== 0;
    pictureId = wide ? readU16(payload, at) & 0x7fff : payload[at];
    at += wide ? 2 : 1;
  }
  if ((present & 0x40) !== 0) tl0PicIdx = payload[at++];
  if ((present & 0x30) !== 0) {
    const layer = payload[at++] ?? 0;
    if ((present & 0x20) !== 0) temporalLayer = layer >> 6;
    if ((present & 0x10) !== 0) keyIndex = layer & 31;
  }
  if (at > payload.byteLength) return undefined;
  return { ...base, length: at, pictureId, tl0PicIdx, temporalLayer, keyIndex };
}

/** Keeps nothing from payload to payload: only the first packet of a frame has the bit that marks a key frame. */
export const VP8_INSPECTOR: Inspector = { inspect: inspectVp8 };

function inspectVp8(payload: Uint8Array): PayloadFacts {
  const descriptor = decodeVp8Descriptor(payload);
  const frameHead = descriptor === undefined ? undefined : payload[descriptor.length];
  if (descriptor === undefined || frameHead === undefined) return NO_FACTS;
  const begin = descriptor.start && descriptor.partition === 0;
  return {
    begin,
    first: begin,
    keyframe: begin && isKeyFrame(frameHead),
    discardable: descriptor.nonReference,
    parameterSets: NO_FACTS.parameterSets,
  };
}

const DESCRIPTOR_BYTES = 4;

/** Cuts frames into pieces of nearly equal size, with a 15-bit picture id. */
export class Vp8Packetizer implements Packetizer {
  readonly marksEnd = true;
  readonly #dataBytesMax: number;
  #pictureId = 0;

  constructor(options: { maxPayloadBytes: number }) {
    this.#dataBytesMax = options.maxPayloadBytes - DESCRIPTOR_BYTES;
    assert(this.#dataBytesMax >= 1, "a VP8 payload has room for its descriptor and a byte");
  }

  packetize(frame: { readonly bytes: Uint8Array }): Uint8Array[] {
    const { bytes } = frame;
    const count = Math.ceil(bytes.byteLength / this.#dataBytesMax);
    const size = Math.ceil(bytes.byteLength / count);
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < bytes.byteLength; at += size) {
      const data = bytes.subarray(at, at + size);
      const payload = new Uint8Array(DESCRIPTOR_BYTES + data.byteLength);
      payload[0] = at === 0 ? 0x90 : 0x80;
      payload[1] = 0x80;
      writeU16(payload, 2, 0x8000 | this.#pictureId);
      payload.set(data, DESCRIPTOR_BYTES);
      payloads.push(payload);
    }
    if (count > 0) this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    return payloads;
  }
}

/** VP8 packets to VP8 frames. */
export function vp8Depacketizer(): Depacketizer {
  return new FrameDepacketizer(new Vp8Assembly(), new Vp8Follower());
}

/**
 * Under one timestamp, another picture id tells another frame; without ids, a beginning behind a marker does. A
 * beginning alone does not: a sender may mark the first partition again when it cuts it.
 */
export class Vp8Follower implements PictureFollower {
  readonly #ids = new PictureIds();

  begin(): void {
    this.#ids.begin();
  }

  role(payload: Uint8Array, isMarked: boolean): PictureRole {
    const descriptor = decodeVp8Descriptor(payload);
    if (descriptor === undefined) return "none";
    const begins = descriptor.start && descriptor.partition === 0;
    return this.#ids.role(begins, descriptor.pictureId, isMarked);
  }
}

class Vp8Assembly implements FrameAssembly {
  /** `append` looks itself: the first packet of a frame is marked. */
  begins(): boolean {
    return true;
  }

  reset(builder: FrameBuilder): void {
    builder.clear();
  }

  append(payload: Uint8Array, builder: FrameBuilder): boolean {
    const descriptor = decodeVp8Descriptor(payload);
    if (descriptor === undefined || descriptor.length === payload.byteLength) return false;
    const isFirst = descriptor.start && descriptor.partition === 0;
    // Not the other way round: a sender may mark the first partition again when it cuts it.
    if (builder.length === 0 && !isFirst) return false;
    builder.append(payload.subarray(descriptor.length));
    return true;
  }

  /** Nothing says how long the last partition is. */
  isWhole(): undefined {
    return undefined;
  }

  finish(builder: FrameBuilder): { bytes: Uint8Array; key: boolean } {
    const bytes = builder.slice();
    return { bytes, key: isKeyFrame(bytes[0] ?? 1) };
  }
}

/** RFC 7741 §4.3: P, the lowest bit of a frame, is 0 in key frames. */
function isKeyFrame(frameHead: number): boolean {
  return (frameHead & 1) === 0;
}
