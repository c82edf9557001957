import { LIMITS } from "../../base/index.ts";
import type {
  Delivery,
  EventCall,
  FailureAction,
  Fault,
  Outcome,
  Tries,
} from "../../stream/index.ts";
import type { ErrorPolicy } from "../model.ts";

/** That this run of a message's handler failed. */
export function failedOutcome(
  fault: Fault,
  policy: ErrorPolicy,
  { attempt, deaths }: Pick<Delivery, "attempt" | "deaths">,
): Outcome {
  const then = failureAction(fault, policy, { attempt, deaths, spared: 0 });
  return { type: "failed", fault, then };
}

/**
 * What becomes of a message after a run of its handler failed: retried after a pause that doubles each time, up to
 * `retryPauseMsMax`, or whatever the policy says when the retries are used up.
 *
 * Runs that ended their executor are counted by themselves, and the policy has no say in how many there may be: after
 * `executorDeathsMax` the message is a dead letter, also where it would be skipped, so that it can be looked into. Only
 * a policy that halts the stream still does so.
 *
 * @param tries as before this run
 */
export function failureAction(
  fault: Fault,
  policy: ErrorPolicy,
  { attempt, deaths, spared }: Tries,
): FailureAction {
  const isDeath = fault.endedExecutor === true;
  if (isDeath && deaths + 1 >= LIMITS.executorDeathsMax)
    return { type: policy.then === "halt" ? "halt" : "dead-letter" };
  const failures = Math.max(1, attempt - deaths - spared);
  if (isDeath || failures <= policy.retry) {
    const pauseMs = policy.backoffMs * 2 ** ((isDeath ? deaths + 1 : failures) - 1);
    return { type: "retry", afterMs: Math.min(pauseMs, LIMITS.retryPauseMsMax) };
  }
  return { type: policy.then === "deadLetter" ? "dead-letter" : policy.then };
}

/**
 * What becomes of an event after a run of one agent's handler failed: the same as with a message. Only `finalize` runs
 * once, because its agent is gone.
 */
export function eventFailureAction(
  handler: EventCall["handler"],
  fault: Fault,
  policy: ErrorPolicy,
  tries: Tries,
): FailureAction {
  return handler === "finalize" ? { type: "skip" } : failureAction(fault, policy, tries);
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
