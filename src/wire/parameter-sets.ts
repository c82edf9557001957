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
 * Bounded: by the ids that the standard has, and `LIMITS.parameterSetBytesMax` each.
 */
export class ParameterSets {
  readonly #sequence = new Map<number, Uint8Array>();
  readonly #picture = new Map<number, Uint8Array>();

  /** Keeps `nal` (not copied). What is no parameter set, too large or has an impossible id is ignored. */
  keep(nal: Uint8Array): void {
    if (nal.byteLength > LIMITS.parameterSetBytesMax) return;
    const type = nalTypeOf(nal);
    if (type === NAL.sps) keepById(this.#sequence, nal, SPS_ID_BYTE, SPS_ID_MAX);
    if (type === NAL.pps) keepById(this.#picture, nal, PPS_ID_BYTE, PPS_ID_MAX);
  }

  /** Those of one type. */
  ofType(type: typeof NAL.sps | typeof NAL.pps): Iterable<Uint8Array> {
    return (type === NAL.sps ? this.#sequence : this.#picture).values();
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

function keepById(
  sets: Map<number, Uint8Array>,
  nal: Uint8Array,
  idByte: number,
  idMax: number,
): void {
  const id = readExpGolomb(nal, idByte);
  if (id !== undefined && id <= idMax) sets.set(id, nal);
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
