// Bundles what Node runs into dist/bundle: the command line, the published modules, and the entry of each thread.
//
// The command line and the published modules share chunks, so that each class exists once in a process, however it is
// imported. A thread has its own heap; its entry is one file, which loads faster. All files lie in one folder, so that
// `new URL("./plane-worker.js", import.meta.url)` leads to the entry of that name from every chunk.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");
/** Paths of our own modules. */
const own = new RegExp(`^${src.replaceAll(/[^\w]/g, "\\$&")}`);
const out = join(root, "dist", "bundle");
// Written beside the old one, which processes may be running from, and put into its place when it is complete.
const fresh = `${out}.${process.pid}`;

/** Left where they are: what has native parts, what reads its own files, and what is large and seldom used. */
const EXTERNAL = ["@swc/wasm-typescript", "koffi", "lmdb", "msgpackr"];

/** @type {import("rolldown").InputOptions} */
const common = {
  cwd: root,
  platform: "node",
  tsconfig: false,
  transform: { target: "es2023", typescript: { onlyRemoveTypeImports: true } },
  external: (id) =>
    id.startsWith("node:") || EXTERNAL.some((name) => id === name || id.startsWith(`${name}/`)),
  // A module of ours is dropped when nothing of it is used; of libraries, their package.json says whether they may be.
  treeshake: {
    moduleSideEffects: [{ test: own, sideEffects: false }],
  },
  onLog(level, log, handle) {
    // ws tries to load what makes it faster, and does without.
    if (log.code === "UNRESOLVED_IMPORT" && /bufferutil|utf-8-validate/.test(log.message)) return;
    if (level === "warn") throw new Error(log.message);
    handle(level, log);
  },
};

/** @type {import("rolldown").OutputOptions} */
const output = {
  dir: fresh,
  format: "esm",
  sourcemap: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
};

const outputs = await Promise.all([
  bundle({ main: join(src, "cli", "main.ts"), ...publishedModules() }, output),
  ...Object.entries(threads()).map(([name, file]) =>
    bundle({ [name]: file }, { ...output, codeSplitting: false }),
  ),
]);
writeFileSync(join(fresh, "LICENSES.txt"), licences(outputs.flat()));
const old = `${out}.old.${process.pid}`;
if (existsSync(out)) renameSync(out, old);
renameSync(fresh, out);
rmSync(old, { recursive: true, force: true });

async function bundle(input, options) {
  const build = await rolldown({ ...common, input });
  try {
    return (await build.write(options)).output;
  } finally {
    await build.close();
  }
}

/** What package.json exports from this bundle: name of the file -> its source. */
function publishedModules() {
  const entries = {};
  const collect = (target) => {
    if (typeof target !== "object") return;
    for (const condition of Object.values(target)) collect(condition);
    const { types, default: file } = target;
    if (typeof types !== "string" || !file?.startsWith("./dist/bundle/")) return;
    const source = types.replace(/^\.\/dist\//, "").replace(/\.d\.ts$/, ".ts");
    entries[basename(file, ".js")] = join(root, source);
  };
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const target of Object.values(exports)) collect(target);
  return entries;
}

/** The entries of threads: what the source names as a file beside its own. */
function threads() {
  const entries = {};
  for (const name of readdirSync(src, { recursive: true }).map(String)) {
    if (!name.endsWith(".ts") || /\.(test|conformance)\./.test(name)) continue;
    const text = readFileSync(join(src, name), "utf8");
    for (const [, entry] of text.matchAll(/new URL\("\.\/([^"]+)\.js", import\.meta\.url\)/g)) {
      if (entry === "main") continue;
      const file = join(src, name, "..", `${entry}.ts`);
      const other = entries[entry];
      if (other !== undefined && other !== file) {
        const both = [other, file].map((path) => relative(root, path)).join(" and ");
        throw new Error(`two entries of threads have one name: ${both}`);
      }
      entries[entry] = file;
    }
  }
  return entries;
}

/** The licences of the packages of which there is something in the bundle. */
function licences(chunks) {
  const folders = new Set();
  for (const { moduleIds = [] } of chunks) {
    for (const id of moduleIds) {
      const match = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id);
      if (match !== null) folders.add(match[0]);
    }
  }
  const sections = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    );
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text =
      file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), "utf8");
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
  return `Packages of which parts are in these files, and their licences.\n\n${sections.join(`\n${"-".repeat(80)}\n\n`)}`;
}
