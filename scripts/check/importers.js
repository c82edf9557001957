import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "../build/places.js";

const IMPORT = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

/**
 * Sources that import something under these paths, each with its distance: 0 for what is there, 1 for what imports that,
 * and so on. An index adds nothing to the distance: a layer is imported through it.
 *
 * @param {readonly string[]} paths folders or files, relative to the checkout
 * @returns {Map<string, number>}
 */
export function importersOf(paths) {
  const importers = readImporters();
  const distances = new Map();
  let at = [...importers.keys()].filter((file) => paths.some((path) => isUnder(file, path)));
  for (let distance = 0; at.length > 0; distance++) {
    const next = [];
    while (at.length > 0) {
      const file = at.pop();
      if (distances.has(file)) continue;
      distances.set(file, distance);
      for (const importer of importers.get(file) ?? []) {
        (importer.endsWith("/index.ts") ? at : next).push(importer);
      }
    }
    at = next;
  }
  return distances;
}

/** By file, which files import it. */
function readImporters() {
  const importers = new Map();
  for (const folder of ["src", "bench", "web"]) {
    for (const name of readdirSync(join(root, folder), { recursive: true })) {
      const file = `${folder}/${String(name).replaceAll("\\", "/")}`;
      if (!/\.tsx?$/.test(file)) continue;
      if (!importers.has(file)) importers.set(file, []);
      for (const [, target] of readFileSync(join(root, file), "utf8").matchAll(IMPORT)) {
        const path = relative(root, join(root, dirname(file), target)).replaceAll("\\", "/");
        if (!existsSync(join(root, path))) continue;
        importers.set(path, [...(importers.get(path) ?? []), file]);
      }
    }
  }
  return importers;
}

function isUnder(file, path) {
  return file === path || file.startsWith(`${path}/`);
}
