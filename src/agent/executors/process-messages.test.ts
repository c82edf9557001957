import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { packMessage, unpackFromProcess } from "./process-messages.ts";

const packr = new Packr({ useRecords: false });

test("messages of a process: whatever bytes come, they are messages or nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const messages = unpackFromProcess(bytes);
      assert.ok(messages === undefined || messages.every((each) => Array.isArray(each)));
    }),
  );
});

test("messages of a process: those of another shape are refused", () => {
  for (const wrong of [
    5,
    null,
    [],
    ["done"],
    ["done", 1, 5],
    ["done", 1, [null, null, null, "yes", [], []]],
    ["done", 1, [null, null, null, true, ["to"], []]],
    ["done", 1, [null, null, null, true, [5, new Uint8Array(1)], []]],
    ["done", 1, [null, null, null, true, [], ["soon", new Uint8Array(1)]]],
    ["done", 1, [null, null, null, true, [], [-1, new Uint8Array(1)]]],
    ["failed", 1, null],
    ["failed", 1, { code: 5, message: "", agent: "" }],
    ["call", 1, 1, "move", "not bytes"],
    ["line", 1, { toString: "x" }],
    ["started", 1, ["apend"]],
    ["start-failed", 1, ["code"]],
    ["closed", "1"],
    ["else", 1],
  ])
    assert.equal(unpackFromProcess(packr.pack(wrong)), undefined, JSON.stringify(wrong));
  const fine = ["done", 1, [null, null, null, true, ["bar", new Uint8Array(1)], []]] as const;
  assert.equal(unpackFromProcess(packMessage(fine))?.length, 1);
});
