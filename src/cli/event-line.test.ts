import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamEvent } from "../agent/index.ts";
import { EVENT_TYPES, formatEvent, formatOutput, parseEventTypes } from "./event-line.ts";
import type { Paint } from "./terminal.ts";

const plain: Paint = (_style, text) => text;
const common = { at: new Date(2026, 0, 2, 3, 4, 5, 6).getTime(), site: "one", stream: "bar" };

const EVENTS: readonly [StreamEvent, string][] = [
  [{ ...common, type: "created" }, "created"],
  [{ ...common, type: "destroyed" }, "destroyed"],
  [
    { ...common, type: "moved", from: "one", to: "two", streamEpoch: 4, ms: 3.21 },
    "moved from one to two in 3.2 ms (epoch 4)",
  ],
  [
    { ...common, type: "move-aborted", to: "two", reason: "two is\n full" },
    "move aborted to two: two is full",
  ],
  [
    { ...common, type: "recovered", lostSite: "two", to: "one", streamEpoch: 5 },
    "recovered at one after two was lost (epoch 5)",
  ],
  [{ ...common, type: "agent-attached", agent: "a" }, "agent attached a"],
  [{ ...common, type: "agent-detached", agent: "a" }, "agent detached a"],
  [
    { ...common, type: "handler-replaced", agent: "a", event: "append" },
    "handler replaced a append",
  ],
  [{ ...common, type: "consumed", message: "foo>bar#1", ms: 20 }, "consumed foo>bar#1 in 20 ms"],
  [
    {
      ...common,
      type: "failed",
      message: "foo>bar#1",
      attempt: 2,
      error: "Error: no",
      // biome-ignore lint/suspicious/noThenProperty: a word, no function
      then: "retry",
    },
    "failed foo>bar#1 at attempt 2: Error: no; then retry",
  ],
  [
    { ...common, type: "dead-lettered", message: "foo>bar#1", reason: "no" },
    "dead-lettered foo>bar#1: no",
  ],
  [{ ...common, type: "discarded", message: "foo>bar#1", reason: "no" }, "discarded foo>bar#1: no"],
  [
    { ...common, type: "denied", action: "move", by: "shell-1", reason: "policy" },
    "denied move by shell-1: policy",
  ],
  [{ ...common, type: "output", agent: "a", line: "Hello world" }, "a: Hello world"],
  [{ ...common, type: "missed", count: 12 }, "12 events were missed: they came too fast"],
];

test("every event is one line with time, site, stream and what happened", () => {
  assert.deepEqual(new Set(EVENTS.map(([{ type }]) => type)), new Set(EVENT_TYPES));
  for (const [event, expected] of EVENTS) {
    assert.equal(formatEvent(event, plain), `03:04:05.006 one bar ${expected}`);
  }
});

test("event types are read from a list, and a wrong one is told with the right ones", () => {
  assert.deepEqual(parseEventTypes("moved, output", "--type"), ["moved", "output"]);
  assert.throws(() => parseEventTypes("moves", "--type"), /argument --type: got "moves".*moved,/);
});

test("each line that an agent prints says whose it is", () => {
  const output = { site: "two", stream: "bar", agent: "printer", line: "Hello\nworld" };
  assert.equal(formatOutput(output, plain), "two bar/printer: Hello\ntwo bar/printer: world");
});
