import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { packDone, packMessage, unpackFromProcess, unpackResult } from "./process-messages.ts";

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

test("messages of a process: a result comes as it went, however it is packed", () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined });
  const few = { maxLength: 2 } as const;
  const result = fc.record(
    {
      type: fc.constant("done" as const),
      briefcase: fc.oneof(bytes, fc.constant(new Uint8Array(20_000).fill(1))),
      exits: fc.boolean(),
      effects: fc.record(
        {
          appends: fc.array(
            fc.record({ to: fc.string(), payload: fc.uint8Array() }, { noNullPrototype: true }),
            few,
          ),
          timers: fc.array(
            fc.record(
              { agent: fc.constant("a"), delayMs: fc.nat(), payload: fc.uint8Array() },
              { noNullPrototype: true },
            ),
            few,
          ),
          relocate: fc.option(fc.string(), { nil: undefined }),
          reply: bytes,
        },
        { noNullPrototype: true },
      ),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(result, fc.nat({ max: 1_023 }), (done, slot) => {
      const [message] = unpackFromProcess(new Uint8Array(packDone(slot, done))) ?? [];
      assert.ok(message?.[0] === "done");
      assert.equal(message[1], slot);
      const { effects, ...rest } = unpackResult(message[2], "a");
      assert.deepEqual({ ...rest, effects: { ...effects } }, done);
    }),
  );
});
