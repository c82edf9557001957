import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/** Packages that the bundle of a process leaves where they are. */
const LEFT_OUTSIDE = ["msgpackr", "@swc/wasm-typescript"];

/** What a process has to read to load its script: the bundle and what it leaves outside, or what was compiled. */
export function readableFor(script: string): readonly string[] {
  const folder = dirname(script);
  if (script.endsWith(".cjs"))
    return [folder, ...LEFT_OUTSIDE.flatMap((name) => placesOf(name, folder))];
  const root = packageRoot(folder);
  return [join(root, "package.json"), join(root, "dist"), join(root, "node_modules")];
}

/** The folder of a package as a script in this folder finds it, and where that really is: package managers link. */
function placesOf(name: string, folder: string): string[] {
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, "node_modules", name);
    if (existsSync(found)) return [...new Set([found, realpathSync(found)])];
    if (dirname(at) === at) return [];
  }
}

function packageRoot(folder: string): string {
  const above = dirname(folder);
  return above === folder || existsSync(join(folder, "package.json")) ? folder : packageRoot(above);
}
