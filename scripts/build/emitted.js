// What the compiler leaves in dist, held against the sources it comes from: the compiler deletes nothing, and takes for
// written what somebody else has deleted.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { dist, root } from "./places.js";

/** The folders of `include` in tsconfig.json. */
const COMPILED = ["src", "e2e", "bench", "examples"];
const EMITTED = /\.(js|js\.map|d\.ts)$/;

/** Whether a source has no compiled file. */
export function hasMissing() {
  return COMPILED.some((folder) =>
    filesIn(join(root, folder))
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
      .some((name) => !existsSync(join(dist, folder, name.replace(/\.ts$/, ".js")))),
  );
}

/** Removes what no source stands for any more. */
export function removeStale() {
  for (const folder of COMPILED) {
    for (const name of filesIn(join(dist, folder))) {
      const source = join(root, folder, name.replace(EMITTED, ".ts"));
      if (EMITTED.test(name) && !existsSync(source)) rmSync(join(dist, folder, name));
    }
  }
}

function filesIn(folder) {
  return existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
}
