import assert from "node:assert/strict";
import { test } from "node:test";
import type { Inspection } from "../../session/shell/index.ts";
import type { Paint } from "../terminal.ts";
import { parseHandlerName } from "./agents.ts";
import { formatAppended } from "./append.ts";
import { formatInspection, jsonOfInspection } from "./inspect.ts";

const plain: Paint = (_style, text) => text;

const IDLE: Inspection = {
  name: "bar",
  id: 2,
  site: "two",
  streamEpoch: 3,
  status: "live",
  why: undefined,
  durability: { type: "checkpoint", every: 10 },
  failureManagers: ["one"],
  agents: [],
  mailbox: [],
  waiting: 0,
  moving: false,
  halted: undefined,
  current: undefined,
  senders: [],
  receivers: [],
  deadLetters: [],
  counts: {},
  briefcases: {},
};

const BUSY: Inspection = {
  ...IDLE,
  agents: ["a"],
  mailbox: [{ id: "foo>bar#5", bytes: 12 }],
  waiting: 7,
  moving: false,
  halted: undefined,
  current: { id: "foo>bar#4", attempt: 2, state: "retrying", forMs: 120, error: "Error: no" },
  senders: [{ name: "foo", consumed: 3 }],
  receivers: [{ name: "log", next: 9, unacknowledged: 2, window: 16, roundTripMs: 0.52 }],
  deadLetters: [
    { id: "foo>bar#1", error: "Error: bad\n at x", attempts: 4, deaths: [], value: { a: 1 } },
  ],
  counts: { noHandler: 2 },
  briefcases: { a: { seen: new Map([["foo", 3]]) } },
};

test("a stream that does nothing is one line", () => {
  assert.equal(
    formatInspection(IDLE, plain),
    "bar live at two, epoch 3, durability checkpoint:10, failure managers one, no agents",
  );
  assert.match(
    formatInspection({ ...IDLE, status: "lost", why: "waits for one" }, plain),
    /^bar lost: waits for one at two/,
  );
});

test("a busy one shows everything it holds", () => {
  const text = formatInspection(BUSY, plain);
  for (const part of [
    "current message\nfoo>bar#4 retrying for 120 ms, attempt 2\n  'Error: no'",
    "mailbox (7 waiting)\nMESSAGE    BYTES\nfoo>bar#5  12\nand 6 more",
    "senders\nNAME  CONSUMED\nfoo   3",
    "log   9     2               16      0.5 ms",
    "foo>bar#1  4         Error: bad  { a: 1 }",
    "counts\nWHAT       COUNT\nnoHandler  2",
    "briefcase of a\n{ seen: Map(1) { 'foo' => 3 } }",
  ]) {
    assert.ok(text.includes(part), `${part}\nin\n${text}`);
  }
});

test("in JSON values are as JSON has them", () => {
  const json = JSON.parse(JSON.stringify(jsonOfInspection(BUSY))) as Record<string, unknown>;
  assert.deepEqual(json["briefcases"], { a: { seen: { foo: 3 } } });
  assert.deepEqual(json["deadLetters"], [
    { id: "foo>bar#1", error: "Error: bad\n at x", attempts: 4, deaths: [], value: { a: 1 } },
  ]);
});

test("what was appended is told by its name, and with the reply where one was waited for", () => {
  assert.equal(formatAppended({ id: "a>b#1", reply: undefined }, false, plain), "a>b#1");
  assert.equal(formatAppended({ id: "a>b#1", reply: undefined }, true, plain), "a>b#1 consumed");
  assert.equal(formatAppended({ id: "a>b#1", reply: { n: 1 } }, true, plain), "a>b#1 { n: 1 }");
});

test("only events have handlers", () => {
  assert.equal(parseHandlerName("siteFailed"), "siteFailed");
  assert.throws(() => parseHandlerName("apend"), /expected one of init, append/);
});
