import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dist, root } from "../build/places.js";

/**
 * By part, the folders of its tests, and how many files run at a time beyond the number of processors: end-to-end tests
 * mostly wait.
 */
export const PARTS = {
  unit: { folders: ["src", "bench"], moreAtOnce: 0 },
  e2e: { folders: ["e2e"], moreAtOnce: 1 },
};

/** How a file says that it must not share the machine with other tests, and why. */
const ALONE = /^\/\/ Runs alone: (.+)$/m;

/**
 * The test files of a part (all parts), under these paths (everywhere). Throws when a path has none, or is not built.
 *
 * @returns {{ path: string, compiled: string, part: string, alone: string | undefined, bytes: number }[]}
 */
export function selectFiles({ part, paths }) {
  const parts = part === undefined ? Object.keys(PARTS) : [part];
  const all = parts.flatMap((name) => {
    if (PARTS[name] === undefined)
      throw new Error(`no part ${name}; expected: ${Object.keys(PARTS)}`);
    return PARTS[name].folders.flatMap(testsIn).map((path) => ({ path, part: name }));
  });
  const wanted = paths.map((path) => path.replace(/^\.?\/|^dist\//, "").replace(/\.js$|\/$/, ""));
  for (const each of wanted) {
    if (!all.some(({ path }) => path.startsWith(each))) throw new Error(`no tests in ${each}`);
  }
  return all
    .filter(({ path }) => wanted.length === 0 || wanted.some((each) => isIn(path, each)))
    .map(({ path, part: name }) => {
      const text = readFileSync(join(root, path), "utf8");
      const compiled = join(dist, path.replace(/\.ts$/, ".js"));
      if (!existsSync(compiled)) throw new Error(`${path} is not built\n  next: npm run build`);
      return { path, compiled, part: name, alone: ALONE.exec(text)?.[1], bytes: text.length };
    });
}

/** src/stream has src/stream/kernel.test.ts, and not src/streams; e2e/peers has e2e/peers.test.ts. */
function isIn(path, wanted) {
  return path === wanted || /^[/.-]/.test(path.slice(wanted.length))
    ? path.startsWith(wanted)
    : false;
}

function testsIn(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".test.ts"))
    .sort();
}
