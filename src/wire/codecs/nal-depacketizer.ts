import type { FrameBuilder } from "./frame-builder.ts";
import { type FrameAssembly, FrameDepacketizer } from "./frame-depacketizer.ts";
import type { Depacketizer, Frame } from "./media-format.ts";
import {
  beginsUnit,
  type NalFormat,
  type NalPayload,
  SLICE_FRONT_BYTES,
  START_CODE,
  type UnitReader,
} from "./nal-format.ts";
import { ParameterSets } from "./parameter-sets.ts";

/**
 * RTP payloads of H.264 or H.265 to access units in Annex B form.
 *
 * A key frame is one with a picture that a decoder can start with. When it lacks parameter sets it gets the newest
 * ones: those seen in band, or the given ones (NAL units without start code). Without any it is dropped.
 */
export function nalDepacketizer(
  format: NalFormat,
  options: { readonly parameterSets?: readonly Uint8Array[] | undefined },
): Depacketizer {
  const sets = options.parameterSets ?? [];
  return new FrameDepacketizer(new NalAssembly(format, sets), format.follower(sets));
}

class NalAssembly implements FrameAssembly {
  readonly #format: NalFormat;
  readonly #known: ParameterSets;
  readonly #unit: UnitReader;
  /** Type of the NAL unit whose pieces are coming. */
  #pieces: number | undefined;
  /** Where the newest NAL unit starts in the builder, after its start code. */
  #nalStart = 0;
  #nalType = 0;
  /** Where parameter sets may be put: behind an access unit delimiter. */
  #insertAt = 0;
  #hasPicture = false;
  /** What came behind the picture: it belongs to it, or to the next one if that begins under the same timestamp. */
  #tail: Uint8Array[] = [];
  /** Kinds of parameter sets that the access unit has. */
  readonly #hasSets = new Set<number>();

  constructor(format: NalFormat, parameterSets: readonly Uint8Array[]) {
    this.#format = format;
    this.#known = new ParameterSets(format.sets);
    this.#unit = format.units(parameterSets);
    for (const set of parameterSets) this.#known.keep(set.slice());
  }

  learn(set: Uint8Array): void {
    if (this.#format.sets.kindOf(set) === undefined) return;
    this.#known.keep(set);
    this.#unit.add(set);
  }

  begins(payload: Uint8Array): boolean {
    return beginsUnit(this.#format, payload);
  }

  reset(builder: FrameBuilder): void {
    const tail = this.#tail;
    this.#tail = [];
    this.#pieces = undefined;
    this.#insertAt = 0;
    this.#hasPicture = false;
    this.#hasSets.clear();
    this.#unit.reset();
    builder.clear();
    for (const nal of tail) this.#appendNal(nal, builder);
  }

  append(payload: Uint8Array, builder: FrameBuilder): boolean {
    const read = this.#format.read(payload);
    if (read.type === "broken") return false;
    if (read.type === "piece") return this.#appendPiece(read, builder);
    if (this.#pieces !== undefined) return false;
    if (read.type === "reserved") return true;
    for (const nal of read.nals) this.#appendNal(nal, builder);
    return true;
  }

  finish(
    builder: FrameBuilder,
    { timestamp, isSplit }: { readonly timestamp: number; readonly isSplit: boolean },
  ): Pick<Frame, "bytes" | "key" | "leading"> | "broken" | undefined {
    if (this.#pieces !== undefined) return "broken";
    if (!isSplit) this.#keepTail(builder);
    // Parameter sets alone are kept for the next key frame; nothing is to be shown.
    if (!this.#hasPicture) return undefined;
    const { key, leading } = this.#unit.finish(timestamp);
    if (!key) return { bytes: builder.slice(), key, ...(leading ? { leading } : {}) };
    const bytes = this.#withParameterSets(builder);
    return bytes === undefined ? "broken" : { bytes, key };
  }

  /** Slices do not say how many there are. */
  isWhole(): boolean | undefined {
    return this.#pieces === undefined ? undefined : false;
  }

  #appendNal(nal: Uint8Array, builder: FrameBuilder): void {
    this.#beginNal(this.#format.typeOf(nal), builder);
    builder.append(nal);
    this.#endNal(builder);
  }

  #appendPiece(piece: NalPayload & { readonly type: "piece" }, builder: FrameBuilder): boolean {
    const type = this.#format.typeOf(piece.head);
    if (piece.start) {
      if (this.#pieces !== undefined) return false;
      this.#pieces = type;
      this.#beginNal(type, builder);
      builder.append(piece.head);
    } else if (this.#pieces !== type) {
      return false;
    }
    builder.append(piece.data);
    if (piece.end) {
      this.#pieces = undefined;
      this.#endNal(builder);
    }
    return true;
  }

  #beginNal(type: number, builder: FrameBuilder): void {
    if (this.#format.isPicture(type)) this.#keepTail(builder);
    builder.append(START_CODE);
    this.#nalStart = builder.length;
    this.#nalType = type;
  }

  #endNal(builder: FrameBuilder): void {
    const type = this.#nalType;
    const format = this.#format;
    if (format.isPicture(type)) {
      this.#hasPicture = true;
      this.#unit.add(builder.slice(this.#nalStart, this.#nalStart + SLICE_FRONT_BYTES));
      return;
    }
    const nal = builder.slice(this.#nalStart);
    if (this.#hasPicture) {
      this.#tail.push(nal);
      builder.truncate(this.#nalStart - START_CODE.byteLength);
      return;
    }
    if (format.isDelimiter(type)) this.#insertAt = builder.length;
    this.#unit.add(nal);
    const kind = format.sets.kindOf(nal.subarray(0, format.headBytes));
    if (kind === undefined) return;
    this.#hasSets.add(kind);
    this.#known.keep(nal);
  }

  /** What came behind the picture, or a part of it, belongs to it. */
  #keepTail(builder: FrameBuilder): void {
    if (this.#tail.length === 0) return;
    for (const nal of this.#tail) {
      builder.append(START_CODE);
      builder.append(nal);
      this.#known.keep(nal);
    }
    this.#tail = [];
  }

  /** Undefined when a parameter set is missing that was never received: no decoder could start with such a frame. */
  #withParameterSets(builder: FrameBuilder): Uint8Array | undefined {
    const { kinds } = this.#format.sets;
    if (this.#hasSets.size === kinds) return builder.slice();
    const parts = [builder.slice(0, this.#insertAt)];
    for (let kind = 0; kind < kinds; kind++) {
      if (this.#hasSets.has(kind)) continue;
      const known = [...this.#known.ofKind(kind)];
      if (known.length === 0) return undefined;
      for (const set of known) parts.push(START_CODE, set);
    }
    parts.push(builder.slice(this.#insertAt));
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.byteLength;
    }
    return bytes;
  }
}
