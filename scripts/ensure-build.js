// Builds what is not built, or not of what the sources are now. Standard output stays the caller's alone.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { dist, root } from "./build/places.js";

/** @param {string} compiled a file of the build, relative to dist */
export function ensureBuild(compiled) {
  const script = join(root, "scripts", "build.js");
  const { status } = spawnSync(process.execPath, [script], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
  return join(dist, compiled);
}
