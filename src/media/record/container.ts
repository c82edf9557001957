import { extname } from "node:path";
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

/** Of the family of MP4: fragments, and decoding times that run ahead of presentation. */
export function isFragmented(container: Container): boolean {
  return container === "mp4" || container === "mov";
}
