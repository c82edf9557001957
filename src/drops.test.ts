import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "./client/index.ts";

const root = packageRoot();
const PAGE = "docs/drops.md";

/** Where things are discarded and counted. */
const FOLDERS = [
  ...["src/transport", "src/stack", "src/channel", "src/reflector", "src/media", "src/stream"],
  ...["src/host", "src/session/shell", "src/directory", "src/site/plane", "src/site/http"],
];

/** Calls that count, up to the end of the arguments that hold the reason. */
const CALLS = [
  /(?:drops|[cC]ounts|[cC]ounters)\??\.add\(\s*([^;,\n]*)/g,
  /[bB]alance\.drop\(\s*([^;,\n]*)/g,
  /(?:context|stream|#ports)\.count\(\s*([^;,\n]*)/g,
  /#(?:drop|lose|count)\(\s*([^;,)\n]*)/g,
  /#(?:lose|forget)\([^;,"\n]*,\s*([^;,)\n]*)/g,
];
/** The same in `src/stack`; elsewhere it is what refuses a peer. */
const REFUSE = /#refuse\(\s*([^;,)\n]*)/g;

/** Declarations whose strings are reasons that reach a counter in a variable. */
const DECLARED: readonly (readonly [file: string, text: RegExp, prefix?: string])[] = [
  ["src/site/http/caller.ts", /type DoorFault =([^;]*);/],
  ["src/site/http/http-pace.ts", /type PaceFault =([^;]*);/],
  ["src/media/record/segment.ts", /type Refusal =([^;]*);/],
  ["src/media/record/track-buffer.ts", /type Unusable =([^;]*);/],
  ["src/channel/sequence-window.ts", /type Verdict = "new" \|([^;]*);/],
  ["src/stack/crypt/replay-window.ts", /type NumberFault =([^;]*);/],
  ["src/stack/crypt/seal.ts", /type OpenFault =([^;]*);/],
  ["src/stack/crypt/agreement.ts", /type HandshakeFault =([^;]*);/],
  ["src/stack/modules/reassembly.ts", /#stats = \{([^}]*)\}/],
  ["src/stack/crypt/replay-window.ts", /type NumberFault =([^;]*);/, "seal-"],
  ["src/host/frames/handshake-message.ts", /REFUSALS = \[([^\]]*)\]/],
];

/** Functions whose returned strings are reasons. */
const RETURNING = ["src/host/frames/frame-seal.ts", "src/host/frames/judge-proof.ts"];
/** The same, for reasons that get a prefix where they are counted. */
const PREFIXED: readonly (readonly [file: string, prefix: string])[] = [
  ["src/transport/group-link.ts", "group-"],
];

const NAME = /["`]([a-z]+(?:-[a-z]+)*(?:-\$\{)?)["`\w]/gi;

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => !file.startsWith("embedded/"))
    .filter((file) => /(?<!\.test|\.conformance|\.test\.support)\.ts$/.test(file))
    .map((file) => `${folder}/${file}`);
}

const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** Every reason that the sources count by, and a file that does. `error-…` stands for those that end in a variable. */
function countedReasons(): Map<string, string> {
  const found = new Map<string, string>();
  const add = (text: string, file: string, prefix = ""): void => {
    for (const [, name = ""] of text
      .replaceAll(/\$\{[^}]*\}/g, "${x")
      .replaceAll(/=== "[^"]*"/g, "")
      .matchAll(NAME))
      found.set(prefix + name.replace("${", "…"), file);
  };
  for (const file of FOLDERS.flatMap(sources)) {
    for (const call of file.startsWith("src/stack/") ? [...CALLS, REFUSE] : CALLS)
      for (const [, args = ""] of read(file).matchAll(call)) add(args, file);
  }
  for (const [file, declaration, prefix] of DECLARED) {
    const text = declaration.exec(read(file))?.[1];
    assert.ok(text, `${file} still has what ${declaration} looks for`);
    add(text.replaceAll(/(\w+):/g, '"$1" '), file, prefix);
  }
  for (const [file, prefix] of [...RETURNING.map((each) => [each, ""] as const), ...PREFIXED]) {
    const returned = [...read(file).matchAll(/return ("[a-z-]+");/g)].map(([, name = ""]) => name);
    assert.ok(returned.length > 0, `${file} still returns reasons`);
    add(returned.join(" "), file, prefix);
  }
  return found;
}

/** The names in the first column of the tables. */
function documentedReasons(): string[] {
  return read(PAGE)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)])
    .map(([, name = ""]) => name);
}

function isCovered(reason: string, documented: ReadonlySet<string>): boolean {
  return [reason, `udp-${reason}`].some(
    (name) => documented.has(name) || [...documented].some((each) => stemOf(each, name)),
  );
}

/** `group-…` covers `group-plain`. */
function stemOf(documented: string, reason: string): boolean {
  return documented.endsWith("…") && reason.startsWith(documented.slice(0, -1));
}

test(`every reason by which something is discarded is explained in ${PAGE}`, () => {
  const counted = countedReasons();
  assert.ok(counted.size > 90, `the search still finds them: ${counted.size}`);
  for (const known of ["second-source", "lost", "expired", "forged", "peers-full", "error-…"])
    assert.ok(counted.has(known), `the search still finds ${known}`);
  const documented = new Set(documentedReasons());
  const missing = [...counted].filter(([reason]) => !isCovered(reason, documented));
  assert.deepEqual(missing, []);
});

test(`every reason in ${PAGE} is counted somewhere`, () => {
  const text = ["src/client/record", "src/site/access", ...FOLDERS]
    .flatMap(sources)
    .map(read)
    .join("\n");
  const stale = documentedReasons().filter((reason) => {
    const stem = reason.replace("…", "");
    return ![reason, stem, stem.replace(/^(seal|group|udp)-/, "")].some((name) =>
      text.includes(name),
    );
  });
  assert.deepEqual(stale, []);
});
