import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { accessRows } from "./access-rows.test.support.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** All captures of a pattern in a text. */
function found(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "");
}

/** The part of a text from one mark to the next. */
function part(text: string, from: string, to: string): string {
  const begin = text.indexOf(from);
  assert.ok(begin >= 0, `there is ${from}`);
  const end = text.indexOf(to, begin + from.length);
  assert.ok(end > begin, `there is ${to} behind ${from}`);
  return text.slice(begin, end);
}

function routes(): string[] {
  const folder = join(ROOT, "src/site/api");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".ts") && !name.includes(".test."))
    .flatMap((name) => {
      const text = textOf(`src/site/api/${name}`);
      const described = [...text.matchAll(/method: "(\w+)",\s+path: "([^"]+)"/g)];
      const plain = [...text.matchAll(/app\.(get|post|put|delete)\("([^"]+)"/g)];
      return [...described, ...plain].map(
        ([, method = "", path = ""]) => `${method.toUpperCase()} ${path}`,
      );
    });
}

/** Everything that can be asked, by who is asked, as the code has it. */
const ASKED: Readonly<Record<string, () => string[]>> = {
  HTTP: routes,
  socket: () => [
    ...found(part(textOf("src/site/plane/plane.ts"), "const SOCKET_PATHS", "}"), /"(\/\w+)"/g),
    ...found(textOf("src/transport/tcp.ts"), /LINK_PATH = "(\/\w+)"/g),
  ],
  "directory call": () =>
    found(
      part(textOf("src/directory/messages.ts"), "const clientMessageSchema", "]);"),
      /type: z\.literal\("([a-z-]+)"\)/g,
    ),
  "leader request": () => [
    ...found(
      part(textOf("src/session/control-dispatcher.ts"), "CONTROL_SUBJECTS", "];"),
      /"([a-z-]+)"/g,
    ),
    ...found(textOf("src/session/leader.ts"), /case "([a-z-]+)"/g),
    ...found(
      part(textOf("src/site/access/token-issuer.ts"), "const SUBJECTS", "];"),
      /"([a-z-]+)"/g,
    ),
  ],
  "site command": () =>
    found(
      part(textOf("src/session/stream-records.ts"), "type SiteCommand", "\n/**"),
      /type: "([a-z-]+)"/g,
    ),
  "site request": () => found(textOf("src/host/site-requests.ts"), /case "([a-z-]+)"/g),
  "shell call": () => [
    ...found(textOf("src/session/shell/shell-calls.ts"), /^ {2}(\w+): call\(/gm),
    ...found(
      part(textOf("src/session/shell/messages.ts"), "shellMessageSchema", "]);"),
      /type: z\.literal\("(subscribe)"\)/g,
    ),
  ],
  "agent verb": () => found(textOf("src/agent/set/stream-host-calls.ts"), /verb\(\s*"(\w+)"/g),
};

test("[A31] everything that can be asked has one row of the table, which says what it takes", () => {
  const table = accessRows();
  for (const [kind, derive] of Object.entries(ASKED)) {
    const code = [...new Set(derive())].sort();
    assert.ok(code.length > 1, `some ${kind} is found in the code`);
    const listed = table.filter((row) => row.kind === kind).flatMap(({ names }) => names);
    assert.deepEqual([...listed].sort(), code, `rows of ${kind} in docs/spec/access.md`);
  }
  for (const { kind, names, takes } of table) {
    assert.ok(kind in ASKED, `${kind} is one of ${Object.keys(ASKED).join(", ")}`);
    assert.ok(takes.length > 0, `the row of ${names.join(", ")} says what it takes`);
  }
});
