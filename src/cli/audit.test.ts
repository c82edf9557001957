import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditRecord } from "../client/contract/index.ts";
import { auditLine, auditTable } from "./audit.ts";
import type { Paint } from "./terminal.ts";

const plain: Paint = (_style, text) => text;
const marked: Paint = (style, text) => `<${style}>${text}</>`;
const RECORD: AuditRecord = {
  ...{ number: 1, at: new Date(2026, 10, 30, 14, 3, 5).getTime(), site: "north" },
  ...{ by: "subject:bob", from: "192.0.2.7", what: "channel.watch", on: "channel news" },
  ...{ verdict: "denied", rule: "token-denied", reason: "the token allows publish" },
};
const { reason: _reason, ...UNREASONED } = RECORD;
const ALLOWED: AuditRecord = {
  ...{ ...UNREASONED, number: 2, verdict: "allowed", rule: "right watch" },
};

test("records are a table: when, what became of it, who, from where, what, on what, why", () => {
  const [head, first, second] = auditTable([RECORD, ALLOWED], plain, false).split("\n");
  assert.match(head ?? "", /^TIME +VERDICT +WHO +FROM +WHAT +ON +WHY$/);
  assert.match(
    first ?? "",
    /^11-30 14:03:05 {2}denied +subject:bob {2}192\.0\.2\.7 {2}channel\.watch {2}channel news {2}token-denied: the token allows publish$/,
  );
  assert.match(second ?? "", / allowed .* right watch$/);
  assert.match(auditTable([RECORD], plain, true), /SITE +VERDICT[\s\S]*north +denied/);
});

test("verdicts have colours, and columns of later lines stay where they are", () => {
  assert.match(auditTable([RECORD], marked, false), /<red>denied<\/>/);
  assert.match(auditTable([ALLOWED], marked, false), /<green>allowed<\/>/);
  const lines = [RECORD, { ...ALLOWED, by: "anonymous" }].map((record) =>
    auditLine(record, plain, false),
  );
  const places = lines.map((line) => line.indexOf("channel.watch"));
  assert.equal(places[0], places[1]);
  const painted = auditLine(RECORD, marked, false).replace(/<\w*\/?>|<\/>/g, "");
  assert.equal(painted, lines[0]);
});

test("what others wrote in a record does not act upon the terminal", () => {
  const odd = { ...RECORD, by: "subject:\u001b]0;x\u0007", on: "channel a\nb" };
  for (const text of [auditTable([odd], plain, false), auditLine(odd, plain, false)])
    assert.doesNotMatch(text.replaceAll("\n", ""), /\p{Cc}/u);
  assert.equal(auditLine(odd, plain, false).split("\n").length, 1);
});
