import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "../base/index.ts";

/** The folder of the installed package: where its pages (`dist/web`), its clip (`media`) and its package.json are. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    assert(parent !== folder, "the program runs from inside its package");
    folder = parent;
  }
  return folder;
}

/** The version of the installed package: `0.1.0`. */
export function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
