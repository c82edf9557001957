import { extname } from "node:path";
import { MeanderError } from "../../base/index.ts";

/** Containers that recordings are written to. */
export type Container = "webm" | "mkv" | "mp4" | "mov";

export const CONTAINERS: readonly Container[] = ["webm", "mkv", "mp4", "mov"];

/**
 * The container of a path, by its extension.
 *
 * @param where names the path in the error
 * @throws {MeanderError} `recording-format`
 */
export function containerOf(path: string, where: string): Container {
  const extension = extname(path).slice(1).toLowerCase();
  const found = CONTAINERS.find((container) => container === extension);
  if (found !== undefined) return found;
  throw new MeanderError("recording-format", `not a recording format: ${JSON.stringify(path)}`, {
    where,
    expected: "a file that ends in .webm, .mkv, .mp4 or .mov",
  });
}

/** Whether a container belongs to the MP4 family: fragments, and decoding times ahead of presentation. */
export function isFragmented(container: Container): boolean {
  return container === "mp4" || container === "mov";
}
