import { extname } from "node:path";
import {
  MkvOutputFormat,
  MovOutputFormat,
  Mp4OutputFormat,
  type OutputFormat,
  WebMOutputFormat,
} from "mediabunny";
import { MeanderError } from "../../base/index.ts";

/** Kinds of files that recordings are written to. */
export type Container = "webm" | "mkv" | "mp4" | "mov";

export const CONTAINERS: readonly Container[] = ["webm", "mkv", "mp4", "mov"];

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
