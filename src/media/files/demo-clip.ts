import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "../../base/index.ts";

/**
 * Where the clip of the demo is: `media/clip.mp4` of this package, 10 s of H.264 and Opus made by
 * `scripts/make-clip.sh`.
 */
export function demoClipPath(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    assert(parent !== folder, "this file lies inside its package");
    folder = parent;
  }
  return join(folder, "media", "clip.mp4");
}
