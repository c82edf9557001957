import { extname } from "node:path";
import {
  MkvOutputFormat,
  MovOutputFormat,
  Mp4OutputFormat,
  type OutputFormat,
  WebMOutputFormat,
} from "mediabunny";
import { MeanderError } from "../../base/index.ts";
import type { Track } from "../../wire/index.ts";
import { formatterFor, RECORDABLE } from "./track-format.ts";

/** Kinds of files that recordings are written to. */
export type Container = "webm" | "mkv" | "mp4" | "mov";

export const CONTAINERS: readonly Container[] = ["webm", "mkv", "mp4", "mov"];

/** Codecs of descriptions that each kind of file holds. WebM is for those of the web's own. */
const HOLDS: Readonly<Record<Container, readonly string[]>> = {
  webm: ["vp8", "vp9", "av1", "opus"],
  mkv: RECORDABLE,
  mp4: ["h264", "h265", "vp9", "av1", "opus", "mpeg4-generic", "mp4a-latm"],
  // The only one that takes G.711 as it is.
  mov: ["h264", "h265", "mpeg4-generic", "mp4a-latm", "pcmu", "pcma"],
};

/**
 * The kind of file that a path names.
 *
 * @param where names the path in the error
 * @throws {MeanderError} `recording-format`
 */
export function containerOf(path: string, where: string): Container {
  const extension = extname(path).slice(1).toLowerCase();
  const found = CONTAINERS.find((container) => container === extension);
  if (found !== undefined) return found;
  throw new MeanderError("recording-format", `got ${JSON.stringify(path)}`, {
    where,
    expected: "a file that ends in .webm, .mkv, .mp4 or .mov",
  });
}

/** Why a track can not be recorded to that kind of file, with what can; undefined when it can. */
export function recordingRefusal(track: Track, container: Container): string | undefined {
  const { kind, codec } = track;
  const fitting = CONTAINERS.filter((each) => HOLDS[each].includes(codec));
  if (fitting.length === 0)
    return `${kind} in ${codec} can not be recorded; ${RECORDABLE.join(", ")} can`;
  if (!fitting.includes(container))
    return `.${container} does not hold ${kind} in ${codec}; ${fitting.map((each) => `.${each}`).join(" or ")} does`;
  if (formatterFor(track, container) === undefined)
    return `the description of its ${kind} in ${codec} does not say how to decode it`;
  return undefined;
}

/** What writes such files: so that at any moment what is written can be played. */
export function outputFormatOf(container: Container): OutputFormat {
  switch (container) {
    case "webm":
      return new WebMOutputFormat({ minimumClusterDuration: FRAGMENT_SECONDS });
    case "mkv":
      return new MkvOutputFormat({ minimumClusterDuration: FRAGMENT_SECONDS });
    case "mp4":
      return new Mp4OutputFormat(FRAGMENTED);
    case "mov":
      return new MovOutputFormat(FRAGMENTED);
  }
}

/** Of the family of MP4: fragments, and decoding times that run ahead of presentation. */
export function isFragmented(container: Container): boolean {
  return container === "mp4" || container === "mov";
}

const FRAGMENT_SECONDS = 1;
const FRAGMENTED = {
  fastStart: "fragmented",
  minimumFragmentDuration: FRAGMENT_SECONDS,
} as const;
