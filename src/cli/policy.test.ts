import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { formatPolicies, parseRules } from "./policy.ts";
import { parseScope } from "./policy-scope.ts";
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
