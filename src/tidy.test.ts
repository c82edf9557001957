import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** The layers, lowest first: a layer imports only those before it. ARCHITECTURE.md explains them. */
const LAYERS = [
  "base",
  "wire",
  "stack",
  "transport",
  "channel",
  "stream",
  "trust",
  "code",
  "agent",
  "directory",
  "session",
  "reflector",
  "media",
  "host",
  "sim",
  "client",
  "view",
  "mobility",
  "site",
  "cli",
];

/** Runs in a browser as it is: no `node:*`, no Buffer, no process. Of `agent`, what defines agents does. */
const BROWSER_READY = [
  "base",
  "wire",
  "stack",
  "channel",
  "stream",
  "trust",
  "directory",
  "session",
  "host",
  "view",
];
/** What the web pages may import of src. */
const WEB_MAY_IMPORT = [
  "base",
  "wire",
  "stack",
  "channel",
  "agent/define",
  "session/shell",
  "client/contract",
  "view",
];

/** The folders of the pages, lowest first: each imports only those before it, and `src`. */
const WEB_LAYERS = [
  "link",
  "token",
  "player",
  "console/keys",
  "console/session",
  "console/graph",
  "console/details",
  "console/watch",
  "console",
];

/** Rules of stacks and of streams both begin with M and S; each layer cites its own. */
const isStack = (path: string): boolean => /^(stack|transport)\//.test(path);
/** Pages with numbered rules: the letter of their numbers, how many there are at least, and who cites them. */
const SPECS = [
  { page: "wire.md", letter: "W", count: 20, isAbout: () => true },
  { page: "directory.md", letter: "D", count: 20, isAbout: () => true },
  { page: "access.md", letter: "A", count: 12, isAbout: () => true },
  { page: "streams.md", letter: "M", count: 30, isAbout: (path: string) => !isStack(path) },
  { page: "streams-network.md", letter: "N", count: 20, isAbout: () => true },
  {
    page: "shell.md",
    letter: "S",
    count: 11,
    isAbout: (path: string) => /^(session|cli)\//.test(path),
  },
];

const root = findRoot(dirname(fileURLToPath(import.meta.url)));
const src = join(root, "src");

interface Source {
  /** Relative to src (or web), with `/`. */
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
  readonly imports: readonly string[];
  /** Without those of types alone, which vanish. */
  readonly values: readonly string[];
}

const sources = readSources(src);

test("a layer imports only layers below it, and only their index", () => {
  const wrong: string[] = [];
  for (const { path, imports, isTest } of sources) {
    const layer = layerOf(path);
    for (const target of relativeImports(src, path, imports)) {
      const other = layerOf(target);
      if (layer === undefined || other === undefined || other === layer) continue;
      const allowed = LAYERS.indexOf(other) < LAYERS.indexOf(layer) || (isTest && other === "sim");
      if (!allowed) wrong.push(`${path} imports ${target}: ${other} does not stand below ${layer}`);
      // Suites stand beside the interface that they examine; tests of implementations elsewhere run them.
      const isSuite =
        /\.(conformance|test\.support)\.ts$/.test(target) && (isTest || path.includes(".test."));
      if (!target.endsWith("/index.ts") && !isSuite) {
        wrong.push(`${path} imports ${target} past its index`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test("no file imports values in a circle", () => {
  const known = new Map(
    sources.map(({ path, values }) => [path, relativeImports(src, path, values)] as const),
  );
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(" > "));
      return;
    }
    state.set(path, "open");
    for (const target of known.get(path) ?? []) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of known.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

test("every folder of src is a layer", () => {
  const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(
    folders.map(({ name }) => name).filter((name) => !LAYERS.includes(name)),
    [],
  );
});

test("what browsers run uses nothing of Node", () => {
  const node =
    /from "node:|\bBuffer\b|\bprocess\.(env|argv|pid|on|exit|cwd|platform|std|hrtime|next|memory)/;
  const wrong = sources
    .filter(
      ({ path, isTest }) => !isTest && !path.endsWith(".conformance.ts") && isBrowserReady(path),
    )
    .filter(({ text }) => node.test(withoutComments(text)));
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test("what browsers run imports only what browsers run", () => {
  const wrong: string[] = [];
  for (const { path, values, isTest } of sources) {
    if (isTest || path.endsWith(".conformance.ts") || !isBrowserReady(path)) continue;
    for (const target of relativeImports(src, path, values)) {
      if (!isBrowserReady(target)) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("the pages import only the browser-ready part of src", () => {
  const web = join(root, "web");
  const wrong: string[] = [];
  for (const { path, text } of readSources(web)) {
    for (const [, typeOnly, target = ""] of text.matchAll(/import (type )?[^"]*?from "([^"]+)"/g)) {
      if (!target.startsWith(".")) continue;
      const file = relative(src, resolve(web, dirname(path), target))
        .split(sep)
        .join("/");
      if (file.startsWith("..")) continue;
      const allowed = WEB_MAY_IMPORT.some((folder) => file.startsWith(`${folder}/`));
      if (!allowed && typeOnly === undefined) wrong.push(`web/${path} imports src/${file}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("the folders of the pages are layers", () => {
  const web = join(root, "web");
  const layerOfPage = (path: string): number =>
    WEB_LAYERS.indexOf(path.split("/").slice(0, -1).join("/"));
  const wrong: string[] = [];
  for (const { path, imports } of readSources(web)) {
    if (layerOfPage(path) === -1) wrong.push(`web/${path} is in no layer`);
    for (const target of relativeImports(web, path, imports)) {
      if (!/\.tsx?$/.test(target) || layerOfPage(target) <= layerOfPage(path)) continue;
      wrong.push(`web/${path} imports web/${target}, which is not below it`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("only the system clock reads the time, and only the generator draws chance", () => {
  const ambient = /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval)\s*\(/;
  const wrong = sources
    .filter(
      ({ path, isTest }) =>
        !isTest && path !== "base/system-clock.ts" && LAYERS.includes(layerOf(path) ?? ""),
    )
    .filter(({ text }) => ambient.test(withoutComments(text)));
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test("nothing is left to do in the source", () => {
  const wrong = sources.filter(
    ({ path, text }) => path !== "tidy.test.ts" && /\b(TODO|FIXME|XXX)\b/.test(text),
  );
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test("every rule that is cited exists, and docs/spec says so", () => {
  for (const { page, letter, count, isAbout } of SPECS) {
    const spec = readFileSync(join(root, "docs/spec", page), "utf8");
    const rules = new RegExp(`^(?:- )?(?:\\*\\*|#+ )\\[(${letter}\\d+)\\]`, "gm");
    const known = new Set([...spec.matchAll(rules)].map(([, rule]) => rule));
    const cited = new RegExp(`\\[(${letter}\\d+)\\]`, "g");
    const wrong = sources
      .filter(({ path }) => isAbout(path))
      .flatMap(({ path, text }) => [...text.matchAll(cited)].map(([, rule]) => ({ path, rule })))
      .filter(({ rule }) => !known.has(rule))
      .map(({ path, rule }) => `${path} cites [${rule}], which ${page} does not have`);
    const within = [...spec.matchAll(cited)].map(([, rule]) => rule);
    assert.deepEqual(wrong, []);
    assert.deepEqual(
      within.filter((rule) => !known.has(rule)),
      [],
      page,
    );
    assert.ok(known.size >= count, `${page} has ${known.size} rules`);
  }
});

test("every rule of the delivery contract has a test that cites it", () => {
  const tests = sources.filter(({ path, isTest }) => isTest && !isStack(path));
  const cited = tests.flatMap(({ text }) =>
    [...text.matchAll(/^ *test\("((?:\[M\d+\] ?)+)/gm)].map(([, rules]) => rules),
  );
  const missing = Array.from({ length: 13 }, (_, index) => `[M${index + 1}]`).filter(
    (rule) => !cited.some((rules) => rules?.includes(rule)),
  );
  assert.deepEqual(missing, []);
});

test("every error code is explained in docs/errors.md", () => {
  const page = readFileSync(join(root, "docs/errors.md"), "utf8");
  const thrown = /(?:MeanderError|StackError)\(\s*"([a-z]+(?:-[a-z]+)*)"/g;
  const codes = new Set(
    sources
      .filter(({ isTest, path }) => !isTest && !path.includes(".conformance."))
      .flatMap(({ text }) => [...text.matchAll(thrown)].map(([, code]) => code)),
  );
  assert.deepEqual(
    [...codes].filter((code) => !page.includes(`\`${code}\``)),
    [],
  );
  assert.ok(codes.size > 50);
});

test("docs/limits.md says what base/limits.ts says", () => {
  const script = join(root, "scripts/limits.js");
  assert.equal(
    spawnSync(process.execPath, [script, "--check"]).status,
    0,
    "run node scripts/limits.js",
  );
});

function findRoot(from: string): string {
  return existsSync(join(from, "package.json")) ? from : findRoot(dirname(from));
}

function readSources(folder: string): Source[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => String(name).split(sep).join("/"))
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => {
      const text = readFileSync(join(folder, path), "utf8");
      const imports = [...text.matchAll(/(?:from|import) "([^"]+)"/g)].map(([, name = ""]) => name);
      const values = [
        ...text
          .replace(/^(import|export) type [^"]*"[^"]+";/gm, "")
          .matchAll(/(?:from|import) "([^"]+)"/g),
      ].map(([, name = ""]) => name);
      return { path, text, isTest: /\.test(\.support)?\.ts$/.test(path), imports, values };
    });
}

function relativeImports(base: string, path: string, imports: readonly string[]): string[] {
  return imports
    .filter((name) => name.startsWith("."))
    .map((name) =>
      relative(base, resolve(base, dirname(path), name))
        .split(sep)
        .join("/"),
    )
    .filter((name) => !name.startsWith(".."));
}

function layerOf(path: string): string | undefined {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : undefined;
}

function isBrowserReady(path: string): boolean {
  if (/^(directory\/embedded|host\/frames|host\/records)\//.test(path)) return false;
  return (
    BROWSER_READY.includes(layerOf(path) ?? "") ||
    /^agent\/(define|judge|set)\//.test(path) ||
    path === "agent/model.ts" ||
    path.startsWith("client/contract/")
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}
