import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeAuditLine, parseAuditLine } from "./audit-line.ts";
import type { AuditRecord } from "./audit-record.ts";

const RECORD: AuditRecord = {
  ...{ number: 7, at: 1_764_500_000_123, site: "north", by: "subject:alice", label: "deploy" },
  ...{ token: "0123456789abcdef", from: "192.0.2.7", what: "stream.move", on: "stream radio" },
  ...{ verdict: "denied", rule: "policy session, rule 1", reason: "not at night", ms: 1.5 },
  ...{ count: 3, overMs: 10_000 },
};

test("a record is one line that reads as it was written", () => {
  const line = encodeAuditLine(RECORD);
  assert.match(line, /^\{"number":7,"at":1764500000123,"time":"2025-11-30T[^"]*Z","site":"north",/);
  assert.match(line, /\}\n$/);
  assert.deepEqual(parseAuditLine(line), RECORD);
});

test("whatever stands in a record, its line has only characters that are seen", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(text, text, text, (by, on, reason) => {
      const record = { ...RECORD, by, on: `${on}\u202e\u0085\u{e0041}\u001b[31m`, reason };
      const line = encodeAuditLine(record);
      assert.match(line, /^[^\p{Cc}\u202a-\u202e\u2066-\u2069\u200b\u{e0000}-\u{e007f}]*\n$/u);
      const read = parseAuditLine(line);
      assert.equal(read?.on, record.on);
    }),
  );
});

test("what is no record is none", () => {
  const { verdict: _verdict, ...part } = RECORD;
  const bad = [part, { ...RECORD, what: "stream.eat" }, { ...RECORD, at: 1e300 }, [], null, 7];
  for (const each of bad) assert.equal(parseAuditLine(JSON.stringify(each)), undefined);
  for (const line of ["", "{", encodeAuditLine(RECORD).slice(0, 40), "\u0000"])
    assert.equal(parseAuditLine(line), undefined);
  for (const field of Object.keys(part))
    assert.equal(parseAuditLine(JSON.stringify({ ...RECORD, [field]: [] })), undefined, field);
});
