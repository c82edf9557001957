import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinkTrace } from "../client/contract/index.ts";
import { KIND } from "../wire/index.ts";
import { emptyTrace, traceLines, traceTable } from "./trace.ts";

const HEADER = { flags: 3, channel: 1, source: 0x91a183a4, medium: 2, length: 193 };
const LINK: LinkTrace = {
  link: "origin",
  stack: "trace:udp",
  peer: "10.0.0.1:7000",
  count: 1_591,
  events: [
    { at: 1_000.25, direction: "received", kind: KIND.sealed, sequence: 44_962, ...HEADER },
    { at: 1_016, direction: "sent", kind: 9, sequence: 7, ...HEADER, flags: 0 },
  ],
};

test("a trace for programs is one JSON value on each line, what is traced first", () => {
  const lines = traceLines("relay", LINK)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { events, ...trace } = LINK;
  assert.deepEqual(lines[0], {
    qlog_format: "JSON-SEQ",
    trace: { vantage_point: "relay", ...trace },
  });
  assert.deepEqual(lines[1], {
    time: 1_000.25,
    name: "meander:packet_received",
    data: { link: "origin", kind: "sealed", sequence: 44_962, ...HEADER },
  });
  assert.equal(lines[2].name, "meander:packet_sent");
  assert.equal(lines.length, 1 + events.length);
});

test("where no link is traced, programs get one JSON value that says how to trace one", () => {
  const head = JSON.parse(JSON.stringify(emptyTrace("relay")));
  assert.deepEqual(head.trace, { vantage_point: "relay", count: 0 });
  assert.match(head.hint, /stack such as frag:trace:udp/);
});

test("a trace for people counts time from the first packet shown, and names kinds", () => {
  const text = traceTable(LINK, (_style, words) => words);
  assert.match(text, /^origin over trace:udp at 10.0.0.1:7000: 1591 packets, the last 2:\n/);
  assert.match(text, /\n0\.0 +<- +sealed +1 +91a183a4 +2 +44962 +0x3 +193\n/);
  assert.match(text, /\n15\.8 +-> +kind 9 +1 +91a183a4 +2 +7 +193$/);
});
