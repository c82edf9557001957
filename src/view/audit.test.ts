import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditRecord } from "../client/contract/index.ts";
import { auditWords } from "./audit.ts";

const RECORD: AuditRecord = {
  ...{ number: 1, at: 0, site: "north", by: "subject:bob", what: "stream.move" },
  ...{ on: "stream radio", verdict: "denied", rule: "policy session, rule 1" },
};

test("a record in words has who, and the rule with its reason", () => {
  const words = auditWords({ ...RECORD, label: "deploy", from: "site south", reason: "at night" });
  assert.deepEqual(words, {
    ...{ who: "subject:bob (deploy)", from: "site south", what: "stream.move" },
    ...{ on: "stream radio", verdict: "denied", why: "policy session, rule 1: at night" },
  });
  assert.equal(auditWords({ ...RECORD, verdict: "allowed", rule: "open" }).why, "open");
});

test("a record that stands for many says for how many, and in what time", () => {
  const { why } = auditWords({ ...RECORD, count: 5_312, overMs: 10_000 });
  assert.equal(why, "… and 5 312 more like it in 10 s (policy session, rule 1)");
});

test("nothing in the words acts upon a terminal", () => {
  const odd = "a\u001b[31mb\u202ec\nd";
  const words = auditWords({ ...RECORD, by: odd, label: odd, from: odd, on: odd, reason: odd });
  for (const text of Object.values(words)) assert.match(text, /^[^\p{Cc}\u202e]*$/u);
  assert.match(words.on, /^a\\x1b\[31mb\\u\{202e\}c\\nd$/);
});
