/** Parameter sets: kept by their ids, and as text. */
import { LIMITS } from "../../base/index.ts";
import { decodeBase64 } from "../bytes/base64.ts";

/** The parameter sets of a codec: H.264 has SPS and PPS, H.265 VPS, SPS and PPS, AV1 the sequence header. */
export interface SetFormat {
  /** Kinds of sets there are, at least one. */
  readonly kinds: number;
  /**
   * Which kind of set a unit is, 0 the first that a decoder needs; undefined for other units. Its first two bytes
   * decide.
   */
  kindOf(unit: Uint8Array): number | undefined;
  /** The set's id among those of its kind. Undefined when it is impossible. */
  idOf(set: Uint8Array): number | undefined;
}

/**
 * The newest parameter set of each kind and id, so that a stream that sends them once can be joined later.
 *
 * Bounded by `LIMITS.parameterSetsMax` and `LIMITS.parameterSetsBytesMax`: the oldest go first, those of the last kind
 * before the others.
 */
export class ParameterSets {
  readonly #format: SetFormat;
  readonly #kinds: readonly Map<number, Uint8Array>[];
  #bytes = 0;

  constructor(format: SetFormat) {
    this.#format = format;
    this.#kinds = Array.from({ length: format.kinds }, () => new Map());
  }

  /**
   * Keeps `set` (not copied). True when it was unknown; false otherwise, and when it is ignored: not a parameter set,
   * larger than the bound, or with an impossible id.
   */
  keep(set: Uint8Array): boolean {
    if (set.byteLength > LIMITS.parameterSetsBytesMax) return false;
    const kind = this.#format.kindOf(set);
    const sets = kind === undefined ? undefined : this.#kinds[kind];
    const id = sets === undefined ? undefined : this.#format.idOf(set);
    if (sets === undefined || id === undefined) return false;
    const known = sets.get(id);
    if (known !== undefined && isSame(known, set)) return false;
    if (known !== undefined) this.#forget(sets, id, known);
    sets.set(id, set);
    this.#bytes += set.byteLength;
    while (this.#isOverfull()) this.#forgetOldest();
    return true;
  }

  /** Those of one kind, oldest first. */
  ofKind(kind: number): Iterable<Uint8Array> {
    return this.#kinds[kind]?.values() ?? [];
  }

  /** All of them, in the order in which a decoder needs them. */
  all(): Uint8Array[] {
    return this.#kinds.flatMap((sets) => [...sets.values()]);
  }

  #isOverfull(): boolean {
    const count = this.#kinds.reduce((sum, { size }) => sum + size, 0);
    return count > LIMITS.parameterSetsMax || this.#bytes > LIMITS.parameterSetsBytesMax;
  }

  #forgetOldest(): void {
    const sets =
      this.#kinds.findLast(({ size }) => size > 1) ?? this.#kinds.find(({ size }) => size > 0);
    for (const [id, set] of sets ?? []) {
      this.#forget(sets as Map<number, Uint8Array>, id, set);
      return;
    }
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

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && left.every((byte, at) => byte === right[at]);
}
