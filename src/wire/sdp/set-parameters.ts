/**
 * Parameter sets among the format parameters of an SDP: `sprop-parameter-sets` (RFC 6184 §8.1), `sprop-vps` and the
 * like (RFC 7798 §7.1).
 */
import { h265TypeOf } from "../codecs/h265.ts";
import { decodeParameterSets } from "../codecs/parameter-sets.ts";

const H264_NAME = "sprop-parameter-sets";
/** By `nal_unit_type`. */
const H265_NAMES = new Map([
  [32, "sprop-vps"],
  [33, "sprop-sps"],
  [34, "sprop-pps"],
]);

/** The sets that `fmtp` has, as base64; undefined when it has none. Not checked. */
export function parameterSetTexts(codec: string, fmtp: string): string[] | undefined {
  const texts = namesOf(codec).flatMap((name) => {
    const found = partsOf(fmtp).find((part) => isNamed(part, name));
    return found === undefined ? [] : found.slice(found.indexOf("=") + 1).split(",");
  });
  const sets = texts.map((text) => text.trim()).filter((text) => text !== "");
  return sets.length === 0 ? undefined : sets;
}

/** The same as bytes. What is not base64 is left out. */
export function parameterSetsOfFmtp(codec: string, fmtp: string | undefined): Uint8Array[] {
  return decodeParameterSets(parameterSetTexts(codec, fmtp ?? "") ?? []);
}

/** `fmtp` without the sets that it has; undefined when nothing is left. */
export function fmtpWithoutSets(codec: string, fmtp: string): string | undefined {
  const names = namesOf(codec);
  const parts = partsOf(fmtp).filter((part) => !names.some((name) => isNamed(part, name)));
  return parts.length === 0 ? undefined : parts.join(";");
}

/** Format parameters by their names in lower case: names are taken in any case (RFC 6838 §4.3). */
export function parametersOf(fmtp: string): ReadonlyMap<string, string> {
  return new Map(
    partsOf(fmtp).map((part) => {
      const [name = "", ...value] = part.split("=");
      return [name.trim().toLowerCase(), value.join("=").trim()] as const;
    }),
  );
}

/** `fmtp` with these sets (base64) instead of those that it has, and for H.264 with its mode. */
export function fmtpWithSets(
  codec: string,
  fmtp: string | undefined,
  sets: readonly string[],
): string | undefined {
  if (codec !== "h264" && codec !== "h265") return fmtp;
  const names = namesOf(codec);
  // Sets that came later, in band, are newer than those in the text.
  const parts = partsOf(fmtp ?? "").filter((part) => {
    return sets.length === 0 || !names.some((name) => isNamed(part, name));
  });
  if (codec === "h264") {
    if (!parts.some((part) => isNamed(part, "packetization-mode"))) {
      parts.unshift("packetization-mode=1");
    }
    if (sets.length > 0) parts.push(`${H264_NAME}=${sets.join(",")}`);
  } else {
    for (const [type, name] of H265_NAMES) {
      const own = sets.filter((set) => {
        const [nal] = decodeParameterSets([set]);
        return nal !== undefined && h265TypeOf(nal) === type;
      });
      if (own.length > 0) parts.push(`${name}=${own.join(",")}`);
    }
  }
  return parts.length === 0 ? undefined : parts.join("; ");
}

function namesOf(codec: string): readonly string[] {
  if (codec === "h264") return [H264_NAME];
  return codec === "h265" ? [...H265_NAMES.values()] : [];
}

function isNamed(part: string, name: string): boolean {
  return part.split("=", 1)[0]?.trim().toLowerCase() === name;
}

function partsOf(fmtp: string): string[] {
  return fmtp
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
