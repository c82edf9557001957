import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_ON_ERROR } from "../model.ts";
import { policyOf } from "./agent-set.test.support.ts";
import { failureAction } from "./error-policy.ts";

test("pauses double from attempt to attempt, and then the message is given up", () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((attempt) => failureAction(DEFAULT_ON_ERROR, attempt)),
    [
      { type: "retry", afterMs: 50 },
      { type: "retry", afterMs: 100 },
      { type: "retry", afterMs: 200 },
      { type: "dead-letter" },
    ],
  );
});

test("without attempts the policy decides at once", () => {
  assert.deepEqual(failureAction(policyOf(0, 50, "skip"), 1), { type: "skip" });
  assert.deepEqual(failureAction(policyOf(0, 50, "halt"), 1), { type: "halt" });
});

test("no pause is longer than 10 s, however often it doubled", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(600_000), (attempt, backoffMs) => {
      const action = failureAction(policyOf(100, backoffMs, "skip"), attempt);
      return action.type === "retry" && action.afterMs >= 0 && action.afterMs <= 10_000;
    }),
  );
});
