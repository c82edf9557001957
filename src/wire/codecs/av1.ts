/** AV1 over RTP (RTP Payload Format For AV1, v1.0.0). */
import { assert } from "../../base/index.ts";
import { BitReader } from "../bytes/bit-reader.ts";
import {
  encodeLeb128,
  OBU,
  type Obu,
  obuHead,
  obuPayloadFront,
  obuTypeOf,
  readObu,
  splitObus,
} from "./av1-obu.ts";
import { Av1PayloadWriter, decodeAv1Payload } from "./av1-payload.ts";
import { type Av1Sequence, decodeAv1SequenceHeader } from "./av1-sequence.ts";
import { FrameBuilder } from "./frame-builder.ts";
import { type FrameAssembly, FrameDepacketizer } from "./frame-depacketizer.ts";
import {
  type Depacketizer,
  type Inspector,
  NO_FACTS,
  type Packetizer,
  type PacketPosition,
  type PayloadFacts,
} from "./media-format.ts";
import { ParameterSets, type SetFormat } from "./parameter-sets.ts";
import type { PictureFollower, PictureRole } from "./picture-follower.ts";

/** The sequence header: an OBU without a size field, as in RTP. */
export const AV1_SETS: SetFormat = {
  kinds: 1,
  kindOf: (obu) => (obuTypeOf(obu) === OBU.sequenceHeader && obu.byteLength > 0 ? 0 : undefined),
  idOf: (obu) => (sequenceOf(obu) === undefined ? undefined : 0),
};

/** `frame_type` (AV1 §6.8.2). */
const FRAME_TYPE = { key: 0, intraOnly: 2, switch: 3 } as const;
const CHOSEN_PER_FRAME = 2;

/** The contents of a frame header. */
interface FrameHead {
  /** A key frame that is shown: a decoder can start with it. */
  readonly key: boolean;
  /** A key frame that a later frame header may show. */
  readonly isHiddenKey?: boolean;
  /** `show_existing_frame`. */
  readonly isAgain?: boolean;
  /** No later frame can refer to it. */
  readonly unreferenced: boolean;
}

/**
 * Reads the front of a frame header (AV1 §5.9.2), as far as `refresh_frame_flags`.
 *
 * @param payload of a frame or a frame header; what is cut off counts as zeros
 */
function readFrameHead(payload: Uint8Array, sequence: Av1Sequence | undefined): FrameHead {
  const heads = sequence?.frameHeads;
  if (sequence !== undefined && heads === undefined) return { key: true, unreferenced: false };
  const reader = new BitReader(payload);
  if (reader.flag()) return { key: false, unreferenced: false, isAgain: true };
  const type = reader.bits(2);
  const isShown = reader.flag();
  const key = type === FRAME_TYPE.key && isShown;
  // With a decoder model come fields for each operating point; those frames count as needed.
  if (key || heads === undefined || heads.hasDecoderModel || type === FRAME_TYPE.switch) {
    return { key, unreferenced: false };
  }
  if (type === FRAME_TYPE.key) return { key, unreferenced: false, isHiddenKey: true };
  if (!isShown) reader.skip(1);
  const isResilient = reader.flag();
  reader.skip(1);
  const hasScreenContent =
    heads.screenContent === CHOSEN_PER_FRAME ? reader.flag() : heads.screenContent === 1;
  if (hasScreenContent && heads.integerMotion === CHOSEN_PER_FRAME) reader.skip(1);
  reader.skip(heads.frameIdBits + 1 + heads.orderHintBits);
  if (type !== FRAME_TYPE.intraOnly && !isResilient) reader.skip(3);
  const refreshed = reader.bits(8);
  return { key, unreferenced: refreshed === 0 && !reader.exhausted };
}

/** A temporal unit whose first frame is a key frame that is shown, at once or by the next frame header. [W13] */
class Av1Start {
  key = false;
  #frames = 0;
  #isHiddenKey = false;

  /** Notes the next frame of the unit. */
  add(head: FrameHead): void {
    if (this.#frames === 0) this.key = head.key;
    else if (this.#frames === 1 && this.#isHiddenKey && head.isAgain === true) this.key = true;
    this.#isHiddenKey = head.isHiddenKey === true;
    this.#frames++;
  }
}

/**
 * Remembers the sequence header, which frame headers depend on, and whether anything refers to the frame being sent.
 */
export class Av1Inspector implements Inspector {
  #sequence: Av1Sequence | undefined;
  #unreferenced = false;

  /** @param parameterSets those that came with the description */
  constructor(parameterSets: readonly Uint8Array[]) {
    for (const set of parameterSets) this.#learn(set);
  }

  inspect(bytes: Uint8Array, place: PacketPosition): PayloadFacts {
    const payload = decodeAv1Payload(bytes);
    if (payload === undefined) return NO_FACTS;
    const { continues, elements, goesOn, newSequence } = payload;
    const parameterSets: Uint8Array[] = [];
    const start = new Av1Start();
    let unreferenced = place === "next" && this.#unreferenced;
    for (const [index, element] of elements.entries()) {
      if (index === 0 && continues) continue;
      const isCut = goesOn && index === elements.length - 1;
      const type = obuTypeOf(element);
      if (type === OBU.sequenceHeader && !isCut) {
        this.#learn(element);
        parameterSets.push(element.slice());
      }
      if (type !== OBU.frame && type !== OBU.frameHeader) continue;
      const front = obuPayloadFront(element).subarray(0, FRAME_HEAD_BYTES_MAX);
      const head = readFrameHead(front, this.#sequence);
      start.add(head);
      unreferenced = head.unreferenced;
    }
    const key = newSequence || start.key;
    if (place !== "late") this.#unreferenced = unreferenced;
    return {
      begin: !continues,
      first: !continues && (newSequence || parameterSets.length > 0),
      keyframe: key,
      discardable: unreferenced && !key,
      parameterSets,
    };
  }

  #learn(set: Uint8Array): void {
    this.#sequence = sequenceOf(set) ?? this.#sequence;
  }
}

/** Enough to read {@link FrameHead}. */
const FRAME_HEAD_BYTES_MAX = 16;
const LEAST_PAYLOAD_BYTES = 2;

/** Temporal units in low-overhead form to payloads (§5), without delimiters, tile lists and size fields. */
export class Av1Packetizer implements Packetizer {
  readonly marksEnd = true;
  readonly #payloadBytesMax: number;

  constructor(options: { readonly maxPayloadBytes: number }) {
    this.#payloadBytesMax = options.maxPayloadBytes;
    assert(options.maxPayloadBytes >= LEAST_PAYLOAD_BYTES, "an AV1 payload has room for a byte");
  }

  packetize(frame: { readonly bytes: Uint8Array; readonly key: boolean }): Uint8Array[] {
    const obus = splitObus(frame.bytes)?.filter(({ type }) => isCarried(type)) ?? [];
    const newSequence = frame.key && obus.some(({ type }) => type === OBU.sequenceHeader);
    const payloadBytesMax = this.#payloadBytesMax;
    const writer = new Av1PayloadWriter({ payloadBytesMax, newSequence });
    for (const obu of obus) writer.add(withoutSize(obu), obu.layer);
    return writer.finish();
  }
}

/**
 * Payloads to temporal units in low-overhead form, each OBU with its size.
 *
 * A key frame without a sequence header gets the newest one; without any it is dropped.
 *
 * @param options.parameterSets see {@link AV1_SETS}; copied
 */
export function av1Depacketizer(options: {
  readonly parameterSets?: readonly Uint8Array[] | undefined;
}): Depacketizer {
  return new FrameDepacketizer(new Av1Assembly(options.parameterSets ?? []), new Av1Follower());
}

/**
 * A temporal unit has one shown frame for each spatial layer, so the next one that is no higher begins another unit; so
 * does a new coded video sequence.
 */
export class Av1Follower implements PictureFollower {
  /** The highest spatial layer of which a frame was shown; -1: none. */
  #shown = -1;
  #hasFrame = false;

  begin(): void {
    this.#shown = -1;
    this.#hasFrame = false;
  }

  role(bytes: Uint8Array): PictureRole {
    const payload = decodeAv1Payload(bytes);
    if (payload === undefined) return "none";
    let role: PictureRole = payload.continues ? "continues" : "none";
    if (payload.newSequence && this.#hasFrame) {
      this.begin();
      role = "starts";
    }
    for (const [index, element] of payload.elements.entries()) {
      if (index === 0 && payload.continues) continue;
      const type = obuTypeOf(element);
      if (type === OBU.tileGroup && role === "none") role = "continues";
      if (type !== OBU.frame && type !== OBU.frameHeader) continue;
      const layer = ((element[0] as number) & EXTENSION_BIT) === 0 ? 0 : spatialLayerOf(element[1]);
      if (role === "none") role = layer <= this.#shown ? "starts" : "continues";
      if (layer <= this.#shown) this.#shown = -1;
      this.#hasFrame = true;
      if (isShown(obuPayloadFront(element)[0] ?? 0)) this.#shown = layer;
    }
    return role;
  }
}

/** In the first byte of an OBU: a byte of layers follows. */
const EXTENSION_BIT = 0x04;

function spatialLayerOf(extension = 0): number {
  return (extension >> 3) & 3;
}

/** `show_existing_frame` or `show_frame` (AV1 §5.9.2); reduced headers, of still pictures, count as not shown. */
function isShown(front: number): boolean {
  return isShownAgain(front) || (front & 0x10) !== 0;
}

/** `show_existing_frame`. */
function isShownAgain(front: number): boolean {
  return (front & 0x80) !== 0;
}

class Av1Assembly implements FrameAssembly {
  readonly #known = new ParameterSets(AV1_SETS);
  #sequence: Av1Sequence | undefined;
  /** The OBU that continues in the next payload. */
  readonly #piece = new FrameBuilder();
  #isCut = false;
  #hasFrame = false;
  #hasShown = false;
  #start = new Av1Start();
  #hasSequence = false;

  constructor(parameterSets: readonly Uint8Array[]) {
    for (const set of parameterSets) this.learn(set.slice());
  }

  learn(set: Uint8Array): void {
    this.#known.keep(set);
    this.#sequence = sequenceOf(set) ?? this.#sequence;
  }

  begins(bytes: Uint8Array): boolean {
    const payload = decodeAv1Payload(bytes);
    if (payload === undefined || payload.continues) return false;
    const [first] = payload.elements;
    return payload.newSequence || (first !== undefined && AV1_SETS.kindOf(first) !== undefined);
  }

  reset(builder: FrameBuilder): void {
    builder.clear();
    this.#piece.clear();
    this.#isCut = false;
    this.#hasFrame = false;
    this.#hasShown = false;
    this.#start = new Av1Start();
    this.#hasSequence = false;
  }

  append(bytes: Uint8Array, builder: FrameBuilder): boolean {
    const payload = decodeAv1Payload(bytes);
    if (payload === undefined || payload.continues !== this.#isCut) return false;
    const { elements, goesOn } = payload;
    for (const [index, element] of elements.entries()) {
      const isPiece = this.#isCut || (goesOn && index === elements.length - 1);
      if (isPiece) this.#piece.append(element);
      this.#isCut = goesOn && index === elements.length - 1;
      if (this.#isCut) continue;
      const whole = isPiece ? this.#piece.slice() : element;
      const isSound = !this.#piece.overflowed && this.#appendObu(whole, builder);
      this.#piece.clear();
      if (!isSound) return false;
    }
    return !this.#piece.overflowed;
  }

  finish(builder: FrameBuilder): { bytes: Uint8Array; key: boolean } | "broken" | undefined {
    if (this.#isCut) return "broken";
    // A sequence header alone is kept for the next key frame; nothing is to be shown.
    if (!this.#hasFrame) return undefined;
    const bytes = builder.slice();
    const { key } = this.#start;
    if (!key || this.#hasSequence) return { bytes, key };
    const [set] = this.#known.all();
    const obu = set === undefined ? undefined : readObu(set, 0);
    if (obu === undefined) return "broken";
    builder.clear();
    appendWithSize(obu, builder);
    builder.append(bytes);
    return { bytes: builder.slice(), key: true };
  }

  /** With one layer, a temporal unit ends with its shown frame, unless its tiles come in OBUs of their own. */
  isWhole(): boolean | undefined {
    return this.#isCut ? false : this.#hasShown ? true : undefined;
  }

  #appendObu(element: Uint8Array, builder: FrameBuilder): boolean {
    const obu = readObu(element, 0);
    // §4.3: an OBU may bring its size, which then must be its own.
    if (obu === undefined || obu.whole.byteLength !== element.byteLength) return false;
    if (!isCarried(obu.type)) return true;
    if (obu.type === OBU.sequenceHeader) {
      this.#hasSequence = true;
      this.learn(withoutSize(obu));
    }
    if (obu.type === OBU.frame || obu.type === OBU.frameHeader) {
      this.#start.add(readFrameHead(obu.payload, this.#sequence));
      this.#hasFrame = true;
      const front = obu.payload[0] ?? 0;
      const isComplete = obu.type === OBU.frame || isShownAgain(front);
      this.#hasShown ||= isComplete && obu.layer === undefined && isShown(front);
    }
    appendWithSize(obu, builder);
    return true;
  }
}

/** §5: temporal delimiters are left out and tile lists are not supported. */
function isCarried(type: number): boolean {
  return type !== OBU.temporalDelimiter && type !== OBU.tileList;
}

function sequenceOf(set: Uint8Array): Av1Sequence | undefined {
  const obu = readObu(set, 0);
  return obu?.type === OBU.sequenceHeader ? decodeAv1SequenceHeader(obu.payload) : undefined;
}

function withoutSize(obu: Obu): Uint8Array {
  const head = obuHead(obu, false);
  const bytes = new Uint8Array(head.byteLength + obu.payload.byteLength);
  bytes.set(head);
  bytes.set(obu.payload, head.byteLength);
  return bytes;
}

function appendWithSize(obu: Obu, builder: FrameBuilder): void {
  builder.append(obuHead(obu, true));
  builder.append(encodeLeb128(obu.payload.byteLength));
  builder.append(obu.payload);
}
