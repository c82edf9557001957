import assert from "node:assert/strict";
import { test } from "node:test";
import { styleText } from "node:util";
import { shown } from "./terminal.ts";

test("what others wrote does not act upon a terminal, and our colours stay", () => {
  const evil = "\x1b[2J\x1b]0;owned\x07\r\x9b31m\u202e";
  const line = `${styleText("red", "failed", { validateStream: false })} ${evil}\n`;
  assert.equal(
    shown(line),
    "\x1b[31mfailed\x1b[39m \\x1b[2J\\x1b]0;owned\\x07\\x0d\\x9b31m\\u{202e}\n",
  );
  assert.equal(shown("\x1b[8mhidden\x1b[38;5;1m"), "\\x1b[8mhidden\\x1b[38;5;1m");
});
