import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "../agent/define/index.ts";
import { LIMITS } from "../base/index.ts";
import { PolicyReader } from "./read-policy.ts";

const RULES = [{ effect: "deny", actions: ["move"] }];
const CODE = { code: "a".repeat(64), limits: DEFAULT_LIMITS, briefcase: "" };

test("a policy is read once, and again when it was replaced", () => {
  const reader = new PolicyReader();
  const entry = (revision: number, value: unknown) => ({ key: "policy/session", revision, value });
  const first = reader.of(entry(1, RULES) as never);
  assert.deepEqual(first, { type: "rules", rules: RULES });
  assert.equal(reader.of(entry(1, RULES) as never), first);
  assert.equal(reader.of(entry(2, CODE) as never).type, "code");
  for (const wrong of [{}, null, "rules", [{}], [{ effect: "maybe", actions: [] }], { code: "x" }])
    assert.deepEqual(reader.of(entry(Math.random(), wrong) as never), { type: "invalid" });
  assert.equal(reader.of(entry(3, RULES) as never).type, "rules");
});

test("what is kept of policies is bounded", () => {
  const reader = new PolicyReader();
  const of = (n: number) =>
    reader.of({ key: `policy/streams/${n}`, revision: n, value: RULES } as never);
  const first = of(0);
  for (let n = 1; n < LIMITS.policiesReadMax; n++) of(n);
  assert.equal(of(0), first);
  of(LIMITS.policiesReadMax);
  assert.notEqual(of(0), first);
});
