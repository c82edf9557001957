import { extname } from "node:path";
import { MkvOutputFormat, Mp4OutputFormat, type OutputFormat, WebMOutputFormat } from "mediabunny";
import { MeanderError } from "../../base/index.ts";
import type { Track } from "../../wire/index.ts";
import { formatterFor, RECORDABLE } from "./track-format.ts";

/** Kinds of files that recordings are written to. */
export type Container = "webm" | "mkv" | "mp4";

export const CONTAINERS: readonly Container[] = ["webm", "mkv", "mp4"];

/** Codecs of descriptions that each kind of file holds. WebM is for those of the web's own. */
const HOLDS: Readonly<Record<Container, readonly string[]>> = {
  webm: ["vp8", "vp9", "av1", "opus"],
  mkv: RECORDABLE,
  mp4: RECORDABLE.filter((codec) => !["pcmu", "pcma", "vp8"].includes(codec)),
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
    expected: "a file that ends in .webm, .mkv or .mp4",
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
  if (formatterFor(track) === undefined)
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
      return new Mp4OutputFormat({
        fastStart: "fragmented",
        minimumFragmentDuration: FRAGMENT_SECONDS,
      });
  }
}

const FRAGMENT_SECONDS = 1;
