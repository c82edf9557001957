import { mkdirSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { MeanderError } from "../../base/index.ts";

/** Whether a path is in a folder, or is that folder; both absolute, and as they are after all links. */
function isWithin(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

/**
 * Makes a folder below another, part by part, and follows no link that leads out of it.
 *
 * @param root is made, too; it may be a link itself
 * @returns the folder's path after all links
 * @throws {MeanderError} `recording-path`, and what the file system throws
 */
export function makeFolderBelow(root: string, folder: string): string {
  mkdirSync(root, { recursive: true });
  const realRoot = realpathSync(root);
  let at = root;
  let real = realRoot;
  for (const part of relative(root, folder).split(sep)) {
    if (part === "") continue;
    at = join(at, part);
    try {
      mkdirSync(at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    real = realpathSync(at);
    if (!isWithin(realRoot, real)) throw leadsOut(at, real, realRoot);
  }
  return real;
}

function leadsOut(path: string, real: string, root: string): MeanderError {
  return new MeanderError("recording-path", `a link leads out of the folder, to ${real}`, {
    where: path,
    expected: `folders below ${root}`,
    next: "remove the link, or start the site with another --recordings FOLDER",
  });
}
