import type { FrameBuilder } from "./frame-builder.ts";
import { type FrameAssembly, FrameDepacketizer } from "./frame-depacketizer.ts";
import {
  FORBIDDEN_BIT,
  isSlice,
  NAL,
  nalTypeOf,
  REFERENCE_BITS,
  START_CODE,
  splitStapA,
  TYPE_BITS,
} from "./h264.ts";
import type { Depacketizer } from "./media-format.ts";
import { ParameterSets } from "./parameter-sets.ts";

/**
 * RTP payloads of `packetization-mode` 0 and 1 to access units in Annex B form.
 *
 * A key frame is one with an IDR picture. When it lacks parameter sets it gets the newest ones: those seen in band, or
 * the given ones (NAL units without start code). One for which there are none is dropped.
 */
export function h264Depacketizer(options: {
  readonly parameterSets?: readonly Uint8Array[] | undefined;
}): Depacketizer {
  return new FrameDepacketizer(new H264Assembly(options.parameterSets ?? []));
}

class H264Assembly implements FrameAssembly {
  readonly #known = new ParameterSets();
  /** Type of the NAL unit whose fragments are coming; 0: none. */
  #fragmented = 0;
  /** Where the newest NAL unit begins in the builder, behind its start code. */
  #nalStart = 0;
  #nalType = 0;
  /** Where parameter sets may be put: behind an access unit delimiter. */
  #insertAt = 0;
  #hasPicture = false;
  #hasIdr = false;
  #hasSps = false;
  #hasPps = false;

  constructor(parameterSets: readonly Uint8Array[]) {
    for (const set of parameterSets) this.#known.keep(set.slice());
  }

  begins(payload: Uint8Array): boolean {
    switch (nalTypeOf(payload)) {
      case NAL.stapA: {
        const [first] = splitStapA(payload) ?? [];
        return first !== undefined && beginsPicture(nalTypeOf(first), first[1]);
      }
      case NAL.fuA: {
        const head = payload[1] ?? 0;
        return (head & 0x80) !== 0 && beginsPicture(head & TYPE_BITS, payload[2]);
      }
      default:
        return beginsPicture(nalTypeOf(payload), payload[1]);
    }
  }

  reset(): void {
    this.#fragmented = 0;
    this.#insertAt = 0;
    this.#hasPicture = false;
    this.#hasIdr = false;
    this.#hasSps = false;
    this.#hasPps = false;
  }

  append(payload: Uint8Array, builder: FrameBuilder): boolean {
    const head = payload[0] as number;
    if ((head & FORBIDDEN_BIT) !== 0) return false;
    const type = head & TYPE_BITS;
    if (type === NAL.fuA) return this.#appendFragment(payload, builder);
    if (this.#fragmented !== 0) return false;
    if (type === NAL.stapA) {
      const nals = splitStapA(payload);
      for (const nal of nals ?? []) this.#appendNal(nal, builder);
      return nals !== undefined;
    }
    if (type >= 1 && type <= NAL.singleMax) {
      this.#appendNal(payload, builder);
      return true;
    }
    // RFC 6184 §5.2: 0, 30 and 31 are reserved and passed over. STAP-B, MTAP and FU-B need interleaving, which was not agreed.
    return type === 0 || type >= 30;
  }

  finish(builder: FrameBuilder): { bytes: Uint8Array; key: boolean } | "broken" | undefined {
    if (this.#fragmented !== 0) return "broken";
    // Parameter sets alone are kept for the next key frame; nothing is to be shown.
    if (!this.#hasPicture) return undefined;
    if (!this.#hasIdr) return { bytes: builder.slice(), key: false };
    const bytes = this.#withParameterSets(builder);
    return bytes === undefined ? "broken" : { bytes, key: true };
  }

  #appendNal(nal: Uint8Array, builder: FrameBuilder): void {
    this.#beginNal(nalTypeOf(nal), builder);
    builder.append(nal);
    this.#endNal(builder);
  }

  /** RFC 6184 §5.8: indicator (F, NRI of the NAL unit), head (start, end, type of the NAL unit), data. */
  #appendFragment(payload: Uint8Array, builder: FrameBuilder): boolean {
    if (payload.byteLength < 3) return false;
    const indicator = payload[0] as number;
    const head = payload[1] as number;
    const type = head & TYPE_BITS;
    if ((head & 0x80) !== 0) {
      if (this.#fragmented !== 0 || type === 0 || type > NAL.singleMax) return false;
      this.#fragmented = type;
      this.#beginNal(type, builder);
      builder.appendByte((indicator & REFERENCE_BITS) | type);
    } else if (this.#fragmented !== type || type === 0) {
      return false;
    }
    builder.append(payload.subarray(2));
    if ((head & 0x40) !== 0) {
      this.#fragmented = 0;
      this.#endNal(builder);
    }
    return true;
  }

  #beginNal(type: number, builder: FrameBuilder): void {
    builder.append(START_CODE);
    this.#nalStart = builder.length;
    this.#nalType = type;
  }

  #endNal(builder: FrameBuilder): void {
    const type = this.#nalType;
    if (type === NAL.delimiter) this.#insertAt = builder.length;
    if (type === NAL.idr) this.#hasIdr = true;
    if (type === NAL.idr || isSlice(type)) this.#hasPicture = true;
    if (type === NAL.sps) this.#hasSps = true;
    if (type === NAL.pps) this.#hasPps = true;
    if (type === NAL.sps || type === NAL.pps) this.#known.keep(builder.slice(this.#nalStart));
  }

  /** Undefined when a parameter set is missing that nobody ever told: no decoder could start with such a frame. */
  #withParameterSets(builder: FrameBuilder): Uint8Array | undefined {
    if (this.#hasSps && this.#hasPps) return builder.slice();
    const sequence = this.#hasSps ? [] : [...this.#known.ofType(NAL.sps)];
    const picture = this.#hasPps ? [] : [...this.#known.ofType(NAL.pps)];
    if (!this.#hasSps && sequence.length === 0) return undefined;
    if (!this.#hasPps && picture.length === 0) return undefined;
    const parts = [builder.slice(0, this.#insertAt)];
    for (const set of [...sequence, ...picture]) parts.push(START_CODE, set);
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

/**
 * Whether a NAL unit may be the first of an access unit: a slice must have `first_mb_in_slice` 0, which `ue(v)` writes
 * as a single 1 bit. Not so with arbitrary slice order, hence asked only after a loss.
 */
function beginsPicture(type: number, firstDataByte: number | undefined): boolean {
  if (type !== NAL.idr && !isSlice(type)) return true;
  return ((firstDataByte ?? 0) & 0x80) !== 0;
}
