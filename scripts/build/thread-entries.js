// The entries of threads and processes: what the source names as a file beside its own, by name.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./places.js";

/**
 * `threads` are entries of workers, `processes` those of confined processes; `hooks` are modules that Node loads into its
 * own thread of module hooks.
 */
export function threadEntries(src) {
  const found = { threads: {}, processes: {}, hooks: {} };
  for (const name of readdirSync(src, { recursive: true }).map(String)) {
    if (!name.endsWith(".ts") || /\.(test|conformance)\./.test(name)) continue;
    const text = readFileSync(join(src, name), "utf8");
    for (const [, entry] of text.matchAll(/new URL\("\.\/([^"]+)\.js", import\.meta\.url\)/g)) {
      // The program itself.
      if (entry === "main") continue;
      const file = join(src, name, "..", `${entry}.ts`);
      add(found[kindOf(readFileSync(file, "utf8"))], entry, file);
    }
  }
  return found;
}

function kindOf(text) {
  if (/\bparentPort\b/.test(text)) return "threads";
  return /\bnew SiteLink\b/.test(text) ? "processes" : "hooks";
}

function add(entries, name, file) {
  const other = entries[name];
  if (other !== undefined && other !== file) {
    const both = [other, file].map((path) => relative(root, path)).join(" and ");
    throw new Error(`two entries of threads have one name: ${both}`);
  }
  entries[name] = file;
}
