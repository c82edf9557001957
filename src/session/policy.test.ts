import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesPattern } from "../base/index.ts";

import { decide, enforce, type PolicyQuestion } from "./policy.ts";
import type { PolicyRule } from "./stream-records.ts";

const question: PolicyQuestion = {
  action: "move",
  by: "subject:alice of Köln",
  label: "shell-1f3a",
  stream: "orders.eu",
  site: "north",
};

function effectOf(...rules: PolicyRule[]): string {
  return decide(rules, question).effect;
}

test("without a rule that matches, everything is allowed", () => {
  assert.equal(effectOf(), "allow");
  assert.equal(effectOf({ effect: "deny", actions: ["create"] }), "allow");
  assert.equal(effectOf({ effect: "deny", actions: ["*"], by: "subject:bob*" }), "allow");
});

test("the first rule that matches decides", () => {
  const deny: PolicyRule = { effect: "deny", actions: ["move"] };
  const allow: PolicyRule = { effect: "allow", actions: ["*"], by: "subject:al*" };
  assert.equal(effectOf(deny, allow), "deny");
  assert.equal(effectOf(allow, deny), "allow");
  assert.deepEqual(decide([deny], question), { effect: "deny", rule: deny });
});

test("all parts of a rule have to match", () => {
  const rule: PolicyRule = { effect: "deny", actions: ["create", "move"] };
  assert.equal(effectOf({ ...rule, by: "subject:al*", stream: "*.eu", site: "n*h" }), "deny");
  assert.equal(effectOf({ ...rule, by: "subject:al*", stream: "*.us", site: "n*h" }), "allow");
  assert.equal(effectOf({ ...rule, by: "subject:al*", stream: "*.eu", site: "south" }), "allow");
});

test("a denial says who, what, where and why", () => {
  const rule: PolicyRule = { effect: "deny", actions: ["*"], reason: "not today" };
  assert.throws(() => enforce([rule], question, "sites/north"), {
    code: "denied",
    where: "policy sites/north, rule 1",
    what: "subject:alice of Köln may not move orders.eu at north: not today",
  });
});

test("a star stands for any part, and all else for itself", () => {
  for (const [pattern, text, matches] of [
    ["*", "", true],
    ["*", "anything", true],
    ["a*", "a", true],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["*b*", "abc", true],
    ["a*b*c", "aXbYc", true],
    ["a*b*c", "acb", false],
    ["*ab*ab", "ab", false],
    ["a.c", "abc", false],
    ["", "", true],
    ["", "a", false],
  ] as const) {
    assert.equal(matchesPattern(pattern, text), matches, `${pattern} on ${text}`);
  }
});

test("patterns match as a regular expression with .* for each star does", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
  fc.assert(
    fc.property(letters, text, (pattern, word) => {
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(word);
      assert.equal(matchesPattern(pattern, word), expected);
    }),
  );
});

test("a pattern of many stars takes no longer than a glance", () => {
  assert.equal(matchesPattern(`${"*a".repeat(50)}b`, "a".repeat(10_000)), false);
});

test("a label is matched by its own field alone, and entitles to nothing", () => {
  const deny = (parts: Partial<PolicyRule>): PolicyRule => ({
    effect: "deny",
    actions: ["*"],
    ...parts,
  });
  assert.equal(effectOf(deny({ label: "shell-1*" })), "deny");
  assert.equal(effectOf(deny({ label: "shell-2*" })), "allow");
  assert.equal(effectOf(deny({ by: "subject:shell-1f3a" })), "allow");
  const { label: _, ...unlabelled } = question;
  assert.equal(decide([deny({ label: "*" })], unlabelled).effect, "allow");
  const allow = (parts: Partial<PolicyRule>, scope: string): boolean =>
    enforce([{ effect: "allow", actions: ["move"], ...parts }], question, scope);
  assert.equal(allow({ by: "subject:*" }, "session"), true);
  assert.equal(allow({}, "streams/orders.eu"), true);
  assert.equal(allow({}, "sites/north"), false, "a site does not give away streams of others");
  assert.equal(allow({ label: "shell-1f3a" }, "session"), false);
  assert.equal(allow({ by: "shell-1f3a" }, "session"), false);
});

test("rules of earlier versions go by names of shells and streams, as they did", () => {
  const old: PolicyRule = { effect: "deny", actions: ["*"], by: "shell-*" };
  assert.equal(effectOf(old), "deny");
  assert.equal(effectOf({ ...old, by: "alice*" }), "allow");
  const asStream = { ...question, by: "stream:shell-9", label: undefined };
  assert.equal(decide([old], asStream).effect, "deny");
});
