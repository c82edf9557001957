import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "./client/index.ts";
import { KEY_RIGHTS } from "./session/index.ts";

const root = packageRoot();
const PAGE = "docs/spec/access.md";
const read = (file: string): string => readFileSync(join(root, file), "utf8");

const FILES = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => /(?<!\.test|\.conformance|\.test\.support)\.ts$/.test(file))
  // A site that nobody joins, made to look at itself.
  .filter((file) => !file.startsWith("directory/") && file !== "site/doctor/checks.ts")
  .map((file) => `src/${file}`);

/** Calls with a key or the beginning of keys. */
const KEY_CALLS =
  /(?:[dD]irectory|#watch|#change)(?:\(\))?\??(?:\.(?:get|put|list|watch|delete|compareAndSet|page))?\(\s*(["`][^"`]*["`]|[A-Z_]+\b)/g;
/** Where keys are made for such calls. */
const KEY_MAKERS = /(?:\bkey|#key|PREFIX|POLICY|REVOKED)\b[^=\n]*=>?\s*(["`][^"`]*["`])/g;
/** What the leader is asked. */
const SUBJECTS = /(?:\brequest|\bask|#askLeader|askLeader)\(\s*"([a-z]+-?[a-z-]*)"/g;
/** What the leader answers. */
const ANSWERED: readonly (readonly [file: string, list: RegExp])[] = [
  ["src/session/leader.ts", /const channels = \[([^\]]*)\]/],
  ["src/session/control-dispatcher.ts", /CONTROL_SUBJECTS[^=]*= \[([^\]]*)\]/],
  ["src/site/access/token-issuer.ts", /const SUBJECTS = \[([^\]]*)\]/],
];

/** Keys that the sources use, with `x` for what is filled in, and a file that does. */
function usedKeys(): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of FILES) {
    const text = read(file);
    if (!/directory\/(?:index|embedded\/index)\.ts/.test(text)) continue;
    for (const pattern of [KEY_CALLS, KEY_MAKERS])
      for (const [, arg = ""] of text.matchAll(pattern)) {
        if (/^[A-Z_]+$/.test(arg)) continue;
        found.set(arg.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, "x"), file);
      }
  }
  return found;
}

function answeredSubjects(): string[] {
  return ANSWERED.flatMap(([file, list]) => {
    const text = list.exec(read(file))?.[1];
    assert.ok(text, `${file} still has what ${list} looks for`);
    return [...text.matchAll(/"([a-z-]+)"/g)].map(([, name = ""]) => name);
  });
}

/** First columns of the rows below a rule, up to the next rule. */
function rowsOf(rule: string): string[] {
  const [, after = ""] = read(PAGE).split(`**[${rule}]**`);
  const [part = ""] = after.split("**[A");
  return part
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)])
    .map(([, name = ""]) => name);
}

test("[A42] every key that the code uses has a row of rights", () => {
  const used = usedKeys();
  for (const known of [
    "session",
    "leader",
    "ids/stream",
    "policy/x",
    "config/x",
    "access/members/",
  ])
    assert.ok(used.has(known), `the search still finds ${known}: ${[...used.keys()].join(" ")}`);
  const patterns = Object.keys(KEY_RIGHTS);
  const without = [...used].filter(([key]) => {
    const isRow = patterns.some(
      (each) => key === each || (each.endsWith("/") && key.startsWith(each)),
    );
    return !isRow && !patterns.some((each) => each.replace("SITE", "x") === key);
  });
  assert.deepEqual(without, []);
});

test(`[A42] ${PAGE} has the rows of the code`, () => {
  assert.deepEqual(rowsOf("A42").sort(), Object.keys(KEY_RIGHTS).sort());
});

test(`[A43] ${PAGE} says of every request who may make it`, () => {
  const subjects = answeredSubjects();
  assert.ok(subjects.length >= 18, "the search still finds them");
  const rows = read(PAGE)
    .split("\n")
    .filter((line) => line.startsWith("| leader request |"))
    .flatMap((line) => [...(line.split("|")[2] ?? "").matchAll(/`([^`]+)`/g)])
    .map(([, name = ""]) => name);
  assert.deepEqual(rows.sort(), [...subjects].sort());
  const asked = FILES.flatMap((file) =>
    [...read(file).matchAll(SUBJECTS)].map(([, name = ""]) => name),
  );
  assert.ok(asked.includes("join") && asked.includes("renew-membership"));
  assert.deepEqual(
    asked.filter((name) => !subjects.includes(name)),
    [],
  );
});
