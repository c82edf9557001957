// Bundles what Node runs into dist/bundle. No two of these programs are loaded into one thread, so that each class exists
// once there:
//
// - the published modules, and the command line for scripts that import them: ECMAScript modules that share chunks;
// - the command line for everything else: CommonJS, whose compiled code Node 20 can keep (src/cli/code-cache.ts);
// - each thread, and each confined process: CommonJS, one file.
//
// All files lie in one folder, so that `new URL("./plane-worker.js", import.meta.url)` leads to an entry from every chunk.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";
import { licencesOf } from "./build/licences.js";
import { dist, root } from "./build/places.js";
import { threadEntries } from "./build/thread-entries.js";

const src = join(root, "src");
const out = join(dist, "bundle");
// Written beside the old one, which processes may be running from, and put into its place when it is complete.
const fresh = `${out}.${process.pid}`;

/** Left where they are: what has native parts, and what reads its own files. */
const EXTERNAL = ["@swc/wasm-typescript", "koffi", "lmdb", "msgpackr"];
const { threads, processes, hooks } = threadEntries(src);

/** @type {import("rolldown").InputOptions} */
const common = {
  cwd: root,
  platform: "node",
  tsconfig: false,
  transform: { target: "es2023", typescript: { onlyRemoveTypeImports: true } },
  external: isExternal,
  // A module of ours is dropped when nothing of it is used, but for what prepares the language's own objects; of
  // libraries, their package.json says whether they may be.
  treeshake: {
    moduleSideEffects: [
      { test: /[/\\]code[/\\]lockdown-\w+\.ts$/, sideEffects: true },
      { test: new RegExp(`^${escaped(src)}`), sideEffects: false },
    ],
  },
  plugins: [
    {
      name: "thread-entries",
      transform: {
        filter: { code: /new URL\("\.\// },
        handler: (code) =>
          code.replaceAll(/new URL\("\.\/([^"]+)\.js"/g, (all, name) =>
            name in threads || name in processes ? `new URL("./${name}.cjs"` : all,
          ),
      },
    },
  ],
  onLog(level, log, handle) {
    // ws tries to load what makes it faster, and does without.
    if (log.code === "UNRESOLVED_IMPORT" && /bufferutil|utf-8-validate/.test(log.message)) return;
    if (level === "warn") throw new Error(log.message);
    handle(level, log);
  },
};
/** @type {import("rolldown").OutputOptions} */
const esm = {
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
};
/** @type {import("rolldown").OutputOptions} */
const commonJs = {
  format: "cjs",
  // As in modules.
  strict: true,
  entryFileNames: "[name].cjs",
  chunkFileNames: "cli-[name]-[hash].cjs",
};

/** Own modules that keep an `import()`. They are never compiled from the cache: Node 20 loses what that needs. */
const IMPORTERS = ["launch.ts", "script-loader.ts"];
const noImports = {
  name: "no-imports",
  transform: {
    filter: {
      id: new RegExp(`^${escaped(src)}`),
      code: /\b(await|return|void) import\((?!\s*["'])/,
    },
    handler(_code, id) {
      if (!IMPORTERS.includes(basename(id))) throw notCached(`what ${id} imports`);
    },
  },
  generateBundle(_options, chunks) {
    const external = Object.values(chunks).flatMap(({ dynamicImports = [] }) =>
      dynamicImports.filter(isExternal),
    );
    if (external.length > 0) throw notCached(`import("${external[0]}")`);
  },
};

mkdirSync(fresh, { recursive: true });
process.once("exit", () => rmSync(fresh, { recursive: true, force: true }));
const cli = (name) => join(src, "cli", `${name}.ts`);
const chunks = await Promise.all([
  bundle({ main: cli("main"), ...publishedModules() }, esm),
  ...Object.entries(hooks).map(([name, file]) => bundle({ [name]: file }, esm)),
  bundle({ cli: cli("launch"), "cache-code": cli("cache-code") }, commonJs),
  ...Object.entries(threads).map(([name, file]) => bundleThread(name, file)),
  // They may read no cache.
  ...Object.entries(processes).map(([name, file]) =>
    bundle({ [name]: file }, { ...commonJs, codeSplitting: false }),
  ),
]);
writeFileSync(join(fresh, "LICENSES.txt"), licencesOf(chunks.flat()));
const old = `${out}.old.${process.pid}`;
if (existsSync(out)) renameSync(out, old);
renameSync(fresh, out);
rmSync(old, { recursive: true, force: true });

async function bundle(input, options) {
  const plugins = [...common.plugins, ...(options.format === "cjs" ? [noImports] : [])];
  const build = await rolldown({ ...common, plugins, input });
  try {
    const { output } = await build.generate(options);
    for (const { fileName, code } of output) writeFileSync(join(fresh, fileName), ascii(code));
    return output;
  } finally {
    await build.close();
  }
}

/** One file, and the entry, which has it compiled from the cache. */
async function bundleThread(name, file) {
  const code = `${name}-code.cjs`;
  const entry = `require("./cache-code.cjs").cacheCode("${name}");\nrequire("./${code}");\n`;
  writeFileSync(join(fresh, `${name}.cjs`), entry);
  return bundle({ [name]: file }, { ...commonJs, entryFileNames: code, codeSplitting: false });
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

/** Text that needs one byte for each character in memory, too. All that is not ASCII stands in texts and comments. */
function ascii(code) {
  return code.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function isExternal(id) {
  return (
    id.startsWith("node:") || EXTERNAL.some((name) => id === name || id.startsWith(`${name}/`))
  );
}

function notCached(what) {
  return new Error(`${what} would not be found by code from the cache; require it`);
}

function escaped(path) {
  return path.replaceAll(/\W/g, "\\$&");
}
