import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_ON_ERROR } from "../model.ts";
import { policyOf } from "./agent-set.test.support.ts";
import { eventFailureAction, failureAction } from "./error-policy.ts";

const FAULT = { code: "handler-failed", message: "it threw", agent: "a" };
const DEATH = { ...FAULT, code: "executor-failed", endedExecutor: true } as const;

/** The next try, after so many that failed and so many that ended their executor. */
function tries(failures: number, deaths = 0, spared = 0) {
  return { attempt: failures + deaths + spared + 1, deaths, spared };
}

test("pauses double from attempt to attempt, and then the message is given up", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((failures) => failureAction(FAULT, DEFAULT_ON_ERROR, tries(failures))),
    [
      { type: "retry", afterMs: 50 },
      { type: "retry", afterMs: 100 },
      { type: "retry", afterMs: 200 },
      { type: "dead-letter" },
    ],
  );
});

test("without attempts the policy decides at once", () => {
  assert.deepEqual(failureAction(FAULT, policyOf(0, 50, "skip"), tries(0)), { type: "skip" });
  assert.deepEqual(failureAction(FAULT, policyOf(0, 50, "halt"), tries(0)), { type: "halt" });
});

test("no pause is longer than 10 s, however often it doubled", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(600_000), (attempt, backoffMs) => {
      const action = failureAction(FAULT, policyOf(100, backoffMs, "skip"), tries(attempt - 1));
      return action.type === "retry" && action.afterMs >= 0 && action.afterMs <= 10_000;
    }),
  );
});

test("[M14] the second executor that a message ends makes it a dead letter, however many retries there are", () => {
  for (const then of ["deadLetter", "skip"] as const)
    for (const retry of [0, 100]) {
      const policy = policyOf(retry, 50, then);
      assert.equal(failureAction(DEATH, policy, tries(0)).type, "retry");
      assert.deepEqual(failureAction(DEATH, policy, tries(0, 1)), { type: "dead-letter" });
      assert.deepEqual(failureAction(DEATH, policy, tries(3, 1)), { type: "dead-letter" });
    }
  assert.deepEqual(failureAction(DEATH, policyOf(100, 50, "halt"), tries(0, 1)), { type: "halt" });
});

test("[M14] neither deaths nor what was spared uses up retries", () => {
  const policy = policyOf(1, 50, "skip");
  assert.deepEqual(failureAction(FAULT, policy, tries(0, 1)), { type: "retry", afterMs: 50 });
  assert.deepEqual(failureAction(FAULT, policy, tries(0, 0, 7)), { type: "retry", afterMs: 50 });
  assert.deepEqual(failureAction(FAULT, policy, tries(1, 1)), { type: "skip" });
});

test("[M14] an event is treated alike, but for the last one of an agent", () => {
  const policy = policyOf(100, 50, "deadLetter");
  assert.equal(eventFailureAction("timer", DEATH, policy, tries(0)).type, "retry");
  assert.equal(eventFailureAction("timer", DEATH, policy, tries(0, 1)).type, "dead-letter");
  assert.equal(eventFailureAction("finalize", DEATH, policy, tries(0)).type, "skip");
});
