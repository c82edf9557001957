import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { parseRules } from "../session/index.ts";
import { formatPolicies } from "./policy.ts";
import { parseScope } from "./policy-scope.ts";
import { trialText } from "./policy-try.ts";
import type { Paint } from "./terminal.ts";

const plain: Paint = (_style, text) => text;

test("scopes are written in one way, and read in a few", () => {
  assert.equal(parseScope("session"), "session");
  assert.equal(parseScope("sites/north"), "sites/north");
  assert.equal(parseScope("site:north"), "sites/north");
  assert.equal(parseScope("stream/foo"), "streams/foo");
  for (const text of ["", "sessions", "north", "sites/", "sites/a/b", "streams/a b"]) {
    assert.throws(() => parseScope(text), /expected session, sites\/NAME or streams\/NAME/, text);
  }
});

test("rules are a list in JSON", () => {
  assert.deepEqual(parseRules('[{"effect":"deny","actions":["*"]}]', "a.json"), [
    { effect: "deny", actions: ["*"] },
  ]);
  assert.throws(() => parseRules("{}", "a.json"), /a\.json: not a list/);
  assert.throws(
    () => parseRules("[", "a.json"),
    (error) => error instanceof MeanderError && error.code === "config-invalid",
  );
});

test("policies are shown by scope, and their absence in words", () => {
  assert.equal(
    formatPolicies({}, [], plain),
    "no rules that you may see: each stream is its owner's",
  );
  assert.equal(
    formatPolicies({ session: [{ effect: "deny", actions: ["move"] }], "sites/a": [] }, [], plain),
    'session\n  {"effect":"deny","actions":["move"]}\nsites/a\n  no rules',
  );
  assert.equal(
    formatPolicies({ session: { code: "0123456789abcdef", file: "quota.ts" } }, [], plain),
    "session\n  code 0123456789ab quota.ts",
  );
});

test("a trial is told in a sentence, with the requests that would end differently", () => {
  const trial = {
    ...{ scope: "session", requests: 812, left: 0, since: 1_000 },
    ...{ refused: 3, allowed: 1, failed: 0, slowestMs: 3.2 },
    changes: [
      {
        ...{ at: 2_000, by: "subject:bob", action: "create", stream: "tv", site: "north" },
        was: { effect: "allow" as const },
        would: { effect: "deny" as const, rule: "policy session", reason: "two are enough" },
      },
    ],
  };
  const lines = trialText(trial, plain).split("\n");
  assert.match(lines[1] ?? "", /bob +create +tv at north +allowed +denied +two are enough$/);
  assert.equal(lines[2], "and 3 older ones");
  assert.equal(
    lines[3],
    "812 requests, 3 would be refused that were allowed, 1 the other way; 0 failed; slowest 4 ms",
  );
  const none = { ...trial, requests: 0, refused: 0, allowed: 0, changes: [] };
  assert.match(trialText(none, plain), /^nothing to try it on: no request that session judges/);
  assert.match(trialText({ ...none, requests: 1, left: 2 }, plain), /^1 request, .*no time for 2$/);
});
