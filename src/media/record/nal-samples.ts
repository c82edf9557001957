/**
 * Converts H.264 and H.265 from Annex B to what MP4 and Matroska store (ISO/IEC 14496-15): the inverse of
 * `avc-samples`.
 */
import { decodeH264Sps, decodeH265Sps, NAL, splitAnnexB } from "../../wire/index.ts";

/** `nal_unit_type` of H.265 (ITU-T H.265 table 7-1) that files keep apart. */
const H265_NAL = { idrWithLeading: 19, idr: 20, vps: 32, sps: 33, pps: 34, delimiter: 35 } as const;
const SETS_MAX = 31;

/**
 * The frame's NAL units, each after its length in four bytes. Delimiters are left out, and those parameter sets that the
 * file's configuration has; others stay where they are.
 */
export function lengthPrefixed(
  frame: Uint8Array,
  family: "h264" | "h265",
  configured: readonly Uint8Array[],
): Uint8Array {
  const isConfigured = (nal: Uint8Array): boolean => configured.some((set) => isEqual(set, nal));
  const kept = splitAnnexB(frame).filter(
    (nal) => !isDelimiter(nal, family) && !(isParameterSet(nal, family) && isConfigured(nal)),
  );
  const bytes = new Uint8Array(kept.reduce((sum, nal) => sum + 4 + nal.byteLength, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const nal of kept) {
    view.setUint32(at, nal.byteLength);
    bytes.set(nal, at + 4);
    at += 4 + nal.byteLength;
  }
  return bytes;
}

/**
 * The AVCDecoderConfigurationRecord (§5.3.3.1) of a key frame's parameter sets. Undefined when it has no valid ones.
 */
export function encodeAvcConfiguration(keyFrame: Uint8Array): Uint8Array | undefined {
  const nals = splitAnnexB(keyFrame);
  const sequence = nals.filter((nal) => h264Type(nal) === NAL.sps).slice(0, SETS_MAX);
  const picture = nals.filter((nal) => h264Type(nal) === NAL.pps).slice(0, SETS_MAX);
  const [first] = sequence;
  const facts = first === undefined ? undefined : decodeH264Sps(first);
  if (first === undefined || facts === undefined || picture.length === 0) return undefined;
  const [profile = 0, constraints = 0, level = 0] = first.subarray(1, 4);
  const isHigh = ![66, 77, 88].includes(profile);
  return concat([
    Uint8Array.of(1, profile, constraints, level, 0xff, 0xe0 | sequence.length),
    ...sequence.map(withLength),
    Uint8Array.of(picture.length),
    ...picture.map(withLength),
    isHigh
      ? Uint8Array.of(
          0xfc | facts.chromaFormat,
          0xf8 | (facts.bitDepthLuma - 8),
          0xf8 | (facts.bitDepthChroma - 8),
          0,
        )
      : new Uint8Array(),
  ]);
}

/**
 * The HEVCDecoderConfigurationRecord (§8.3.3.1) of a key frame's parameter sets. Undefined when it has no valid ones.
 */
export function encodeHevcConfiguration(keyFrame: Uint8Array): Uint8Array | undefined {
  const nals = splitAnnexB(keyFrame);
  const arrays = [H265_NAL.vps, H265_NAL.sps, H265_NAL.pps].map((type) => ({
    type,
    nals: nals.filter((nal) => h265Type(nal) === type).slice(0, SETS_MAX),
  }));
  const sps = arrays[1]?.nals[0];
  const facts = sps === undefined ? undefined : decodeH265Sps(sps);
  if (facts === undefined || arrays.some((each) => each.nals.length === 0)) return undefined;
  const layers = (facts.temporalLayers << 3) | (facts.temporalNesting ? 4 : 0) | 3;
  return concat([
    Uint8Array.of(1),
    facts.profileTierLevel,
    // No minimal segmentation, parallelism unknown.
    Uint8Array.of(0xf0, 0, 0xfc, 0xfc | facts.chromaFormat),
    Uint8Array.of(0xf8 | (facts.bitDepthLuma - 8), 0xf8 | (facts.bitDepthChroma - 8), 0, 0),
    Uint8Array.of(layers, arrays.length),
    ...arrays.flatMap((each) => [
      Uint8Array.of(0x80 | each.type, 0, each.nals.length),
      ...each.nals.map(withLength),
    ]),
  ]);
}

/** The first sequence parameter set of a key frame. */
export function sequenceSetOf(
  keyFrame: Uint8Array,
  family: "h264" | "h265",
): Uint8Array | undefined {
  return splitAnnexB(keyFrame).find((nal) =>
    family === "h264" ? h264Type(nal) === NAL.sps : h265Type(nal) === H265_NAL.sps,
  );
}

/** Whether no frame after a key frame refers to one before it. */
export function isInstantRefresh(keyFrame: Uint8Array, family: "h264" | "h265"): boolean {
  const nals = splitAnnexB(keyFrame);
  if (family === "h264") return nals.some((nal) => h264Type(nal) === NAL.idr);
  const types = nals.map(h265Type);
  return types.includes(H265_NAL.idr) || types.includes(H265_NAL.idrWithLeading);
}

/** The parameter sets of a frame that its configuration record holds. */
export function parameterSetsIn(frame: Uint8Array, family: "h264" | "h265"): Uint8Array[] {
  return splitAnnexB(frame).filter((nal) => isParameterSet(nal, family));
}

function isParameterSet(nal: Uint8Array, family: "h264" | "h265"): boolean {
  if (family === "h265") {
    const type = h265Type(nal);
    return type >= H265_NAL.vps && type <= H265_NAL.pps;
  }
  const type = h264Type(nal);
  return type === NAL.sps || type === NAL.pps;
}

function isDelimiter(nal: Uint8Array, family: "h264" | "h265"): boolean {
  return family === "h265" ? h265Type(nal) === H265_NAL.delimiter : h264Type(nal) === NAL.delimiter;
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && left.every((byte, at) => byte === right[at]);
}

function h264Type(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 31;
}

function h265Type(nal: Uint8Array): number {
  return ((nal[0] ?? 0) >> 1) & 63;
}

function withLength(nal: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(nal.byteLength >> 8, nal.byteLength & 0xff), nal]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
