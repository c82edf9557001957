import assert from "node:assert/strict";
import { test } from "node:test";
import { describeName, isName, type NameKind } from "./names.ts";

const KINDS: readonly NameKind[] = ["site", "channel", "input", "stream", "shell", "token"];

test("no name means something to a file system, a pattern, a URL or a terminal", () => {
  const odd = [
    "",
    "*",
    "..",
    "../x",
    "a/..",
    "a/../b",
    ".",
    "a\0b",
    "a\nb",
    "a\x1b[2J",
    "a\u202eb",
  ];
  const odder = [
    "a%2fb",
    "a\\b",
    " a",
    "a\u200b",
    "<b>",
    "a?b",
    "a#b",
    "__proto__\0",
    "/a",
    "a//b",
  ];
  for (const kind of KINDS) {
    for (const name of [...odd, ...odder])
      assert.equal(isName(kind, name), false, `${kind} ${name}`);
    assert.ok(isName(kind, "a"));
    assert.equal(isName(kind, "a".repeat(101)), false);
    assert.match(describeName(kind), /^1 to \d+ /);
  }
});

test("names that look the same are the same", () => {
  const cyrillic = "\u0430dmin";
  for (const kind of KINDS) {
    assert.equal(isName(kind, cyrillic), false, kind);
    assert.equal(isName(kind, "\uff41dmin"), false, `${kind}: full width`);
    assert.equal(isName(kind, "site south") && kind !== "token", false);
  }
  for (const name of ["Алиса", "Ζωή", "José 2", "李雷", "site south", "ops@example.org"])
    assert.ok(isName("token", name), name);
});

test("channels have segments, streams none", () => {
  assert.ok(isName("channel", "sports/final.1"));
  assert.equal(isName("channel", "sports/.hidden"), false);
  assert.equal(isName("stream", "a/b"), false);
  assert.equal(isName("stream", "shell-1"), false);
  assert.ok(isName("stream", "orders.eu-1"));
});
