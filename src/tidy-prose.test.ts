/** Rules about names, sizes and prose of the whole repository. docs/glossary.md decides words. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Lines of a source file; more than that is usually more than one subject. */
const LINES_MAX = 400;
/** Longer ones, and why. */
const LONG_FILES: Readonly<Record<string, string>> = {
  "src/base/limits.ts": "a table",
};

/** Characters of a line of prose. Tables and what cannot be broken may be longer. */
const PROSE_MAX = 120;
/** Files whose comments are still being rewritten: not yet held to {@link PROSE_MAX}. */
const PROSE_EXEMPT =
  /^(src\/(stream|site|host|sim|session\/shell|cli|client|reflector|channel|media|view)|web|bench|e2e|examples|docs\/(guides|drops|features|spec\/(wire|streams|streams-network|shell))|README|ARCHITECTURE)/;

/** Where an actor has a name, these words hide it. Per thousand lines. */
const HOMELY = /\b(?:whoever|nobody|somebody|anew)\b/gi;
const HOMELY_RATE_MAX = 0.6;
/** Words that say nothing about what a thing does; see docs/glossary.md. */
const EMPTY_NAMES = /(?:Desk|Means|Party|Company|Ledger|Tally)(?=[A-Z]|$)/;
const EMPTY_FILES = /(?:^|[-/])(?:desk|means|party|company|ledger|tally)(?=[-.])/;

const sources = [
  ...["src", "web", "e2e", "bench", "examples"].flatMap((folder) => filesOf(folder, /\.tsx?$/)),
];
const pages = [...filesOf("docs", /\.md$/), "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

test("no source file has more than 400 lines, but for those named here", () => {
  const long = sources.filter((path) => linesOf(path).length > LINES_MAX + 1);
  assert.deepEqual(
    long.filter((path) => !(path in LONG_FILES)),
    [],
  );
  assert.deepEqual(
    Object.keys(LONG_FILES).filter((path) => !long.includes(path)),
    [],
    "no longer long: remove from the list",
  );
});

test("lines of prose have at most 120 characters", () => {
  const isProse = (path: string, line: string): boolean =>
    path.endsWith(".md") ? !line.startsWith("|") : /^\s*(?:\/\/|\/?\*)(?! \|)/.test(line);
  // Of what follows its indentation and marks, something must be breakable.
  const isBreakable = (line: string): boolean => /^.{20,119}\s/.test(line);
  const wrong = [...sources, ...pages]
    .filter((path) => !PROSE_EXEMPT.test(path))
    .flatMap((path) =>
      linesOf(path)
        .map((line, index) => ({ at: `${path}:${index + 1}`, line }))
        .filter(({ line }) => line.length > PROSE_MAX && isProse(path, line) && isBreakable(line)),
    );
  assert.deepEqual(
    wrong.map(({ at }) => at),
    [],
  );
});

test("prose names who does what: few of whoever, nobody, somebody, anew", () => {
  let lines = 0;
  const counts = new Map<string, number>();
  for (const path of [...sources, ...pages]) {
    if (path === "docs/glossary.md" || path === "src/tidy-prose.test.ts") continue;
    lines += linesOf(path).length;
    const count = linesOf(path).join("\n").match(HOMELY)?.length ?? 0;
    if (count > 0) counts.set(path, count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 10);
  const rate = (total / lines) * 1_000;
  assert.ok(rate <= HOMELY_RATE_MAX, `${rate.toFixed(2)} per thousand lines; ${most.join(" ")}`);
});

test("files and exports have names that say what the thing does", () => {
  assert.deepEqual(
    sources.filter((path) => EMPTY_FILES.test(path)),
    [],
  );
  const exported =
    /^export (?:abstract )?(?:class|interface|type|function|const|async function) (\w+)/gm;
  const wrong = sources.flatMap((path) =>
    [...linesOf(path).join("\n").matchAll(exported)]
      .map(([, name = ""]) => name)
      .filter((name) => EMPTY_NAMES.test(name))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(wrong, []);
});

function filesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll("\\", "/")}`)
    .filter((path) => pattern.test(path) && !path.includes("/node_modules/"))
    .sort();
}

function linesOf(path: string): readonly string[] {
  return readFileSync(join(root, path), "utf8").split("\n");
}
