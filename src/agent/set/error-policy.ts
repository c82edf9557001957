import { LIMITS } from "../../base/index.ts";
import type { EventCall, FailureAction, Fault, Outcome } from "../../stream/index.ts";
import type { ErrorPolicy } from "../model.ts";

/** That the `attempt`-th (>= 1) run of a handler failed. */
export function failedOutcome(fault: Fault, policy: ErrorPolicy, attempt: number): Outcome {
  // biome-ignore lint/suspicious/noThenProperty: the contract's name for what comes next; an outcome is never awaited
  return { type: "failed", fault, then: failureAction(policy, attempt) };
}

/**
 * What becomes of a message after its `attempt`-th (>= 1) handler run failed: retried after a pause that doubles each
 * time, up to `retryPauseMsMax`, or whatever the policy says when the retries are used up.
 */
export function failureAction(policy: ErrorPolicy, attempt: number): FailureAction {
  if (attempt <= policy.retry) {
    const pauseMs = policy.backoffMs * 2 ** (attempt - 1);
    return { type: "retry", afterMs: Math.min(pauseMs, LIMITS.retryPauseMsMax) };
  }
  return { type: policy.then === "deadLetter" ? "dead-letter" : policy.then };
}

/**
 * What becomes of an event after the `attempt`-th (>= 1) run of one agent's handler failed: the same as with a message.
 * Only `finalize` runs once, because its agent is gone.
 */
export function eventFailureAction(
  handler: EventCall["handler"],
  policy: ErrorPolicy,
  attempt: number,
): FailureAction {
  return handler === "finalize" ? { type: "skip" } : failureAction(policy, attempt);
}

/**
 * What becomes of an event whose agent does not start, at the `attempt`-th (>= 1) time: the event is not at fault, and
 * is never given up for it.
 */
export function startFailureAction(handler: EventCall["handler"], attempt: number): FailureAction {
  if (handler === "finalize") return { type: "skip" };
  const pauseMs = LIMITS.agentStartPauseMs * 2 ** (attempt - 1);
  return { type: "retry", afterMs: Math.min(pauseMs, LIMITS.retryPauseMsMax) };
}
