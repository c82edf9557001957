import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Packages that the bundle of a process leaves where they are. */
const LEFT_OUTSIDE = ["msgpackr", "@swc/wasm-typescript"];

/** What a process has to read to load its script: the bundle and what it leaves outside, or what was compiled. */
export function readableFor(script: string): readonly string[] {
  const folder = dirname(script);
  if (script.endsWith(".cjs")) return [folder, ...LEFT_OUTSIDE.map(folderOf)];
  const root = packageRoot(folder);
  return [join(root, "package.json"), join(root, "dist"), join(root, "node_modules")];
}

function folderOf(name: string): string {
  const main = createRequire(import.meta.url).resolve(name);
  const within = join("node_modules", ...name.split("/"));
  const at = main.lastIndexOf(within);
  return at < 0 ? dirname(main) : main.slice(0, at + within.length);
}

function packageRoot(folder: string): string {
  const above = dirname(folder);
  return above === folder || existsSync(join(folder, "package.json")) ? folder : packageRoot(above);
}
