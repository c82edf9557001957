/** H.264 parameter sets: kept by their ids, and as text. */
import { LIMITS } from "../base/index.ts";
import { NAL, nalTypeOf } from "./h264.ts";

/** SPS before the id: NAL header, profile, constraints, level (ITU-T H.264 §7.3.2.1.1). */
const SPS_ID_BYTE = 4;
const PPS_ID_BYTE = 1;
const SPS_ID_MAX = 31;
const PPS_ID_MAX = 255;

/**
 * The newest parameter set of each kind and id, so that a stream that sends them once can be joined later.
 *
 * Bounded by `LIMITS.parameterSetsMax` and `LIMITS.parameterSetsBytesMax`: the oldest go first, picture sets before
 * sequence sets.
 */
export class ParameterSets {
  readonly #sequence = new Map<number, Uint8Array>();
  readonly #picture = new Map<number, Uint8Array>();
  #bytes = 0;

  /**
   * Keeps `nal` (not copied). True when it was not known; false too when it is no parameter set, larger than the bound
   * or has an impossible id, and is ignored.
   */
  keep(nal: Uint8Array): boolean {
    if (nal.byteLength > LIMITS.parameterSetsBytesMax) return false;
    switch (nalTypeOf(nal)) {
      case NAL.sps:
        return this.#keepById(this.#sequence, nal, readExpGolomb(nal, SPS_ID_BYTE), SPS_ID_MAX);
      case NAL.pps:
        return this.#keepById(this.#picture, nal, readExpGolomb(nal, PPS_ID_BYTE), PPS_ID_MAX);
      default:
        return false;
    }
  }

  /** Those of one type, oldest first. */
  ofType(type: typeof NAL.sps | typeof NAL.pps): Iterable<Uint8Array> {
    return (type === NAL.sps ? this.#sequence : this.#picture).values();
  }

  #keepById(
    sets: Map<number, Uint8Array>,
    nal: Uint8Array,
    id: number | undefined,
    idMax: number,
  ): boolean {
    if (id === undefined || id > idMax) return false;
    const known = sets.get(id);
    if (known !== undefined && isSame(known, nal)) return false;
    if (known !== undefined) this.#forget(sets, id, known);
    sets.set(id, nal);
    this.#bytes += nal.byteLength;
    while (this.#isOverfull()) {
      const oldest = this.#picture.size > 1 ? this.#picture : this.#sequence;
      for (const [oldId, old] of oldest) {
        this.#forget(oldest, oldId, old);
        break;
      }
    }
    return true;
  }

  #isOverfull(): boolean {
    const count = this.#sequence.size + this.#picture.size;
    return count > LIMITS.parameterSetsMax || this.#bytes > LIMITS.parameterSetsBytesMax;
  }

  #forget(sets: Map<number, Uint8Array>, id: number, set: Uint8Array): void {
    sets.delete(id);
    this.#bytes -= set.byteLength;
  }
}

/** Parameter sets as base64, one each, as SDP and descriptions carry them. */
export function encodeParameterSets(sets: readonly Uint8Array[]): string[] {
  return sets.map((set) => btoa(String.fromCharCode(...set)));
}

/** The inverse of {@link encodeParameterSets}. Text that is not base64 is left out. */
export function decodeParameterSets(texts: readonly string[]): Uint8Array[] {
  return texts.flatMap((text) => {
    const set = decodeBase64(text);
    return set === undefined || set.byteLength === 0 ? [] : [set];
  });
}

/** Undefined when `text` is not base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && left.every((byte, at) => byte === right[at]);
}

/**
 * `ue(v)` that begins with byte `at` (ITU-T H.264 §9.1), up to 510. Undefined when it is larger or cut off.
 *
 * Emulation prevention cannot touch it: values up to 255 have at most eight leading zeros.
 */
function readExpGolomb(bytes: Uint8Array, at: number): number | undefined {
  const window = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  const zeros = Math.clz32(window) - 8;
  if (at >= bytes.byteLength || zeros > 8) return undefined;
  return (window >> (23 - 2 * zeros)) - 1;
}
