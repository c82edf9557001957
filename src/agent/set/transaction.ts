import { type Delivery, type Effects, NO_EFFECTS } from "../../stream/index.ts";
import type { Invocation, InvocationResult } from "../executor.ts";
import type { AttachedAgent } from "./attached-agent.ts";

/** A call that ended well. */
export type DoneResult = Extract<InvocationResult, { readonly type: "done" }>;

/** What one append handler led to. */
export function effectsOf({ effects, briefcase }: DoneResult): Effects {
  return {
    appends: effects.appends,
    timers: effects.timers,
    relocate: effects.relocate,
    reply: effects.reply,
    changed: briefcase !== undefined,
    handled: true,
  };
}

/** Several as one: what they send in their order, the last relocation, the first reply. */
export function mergeEffects(parts: readonly Effects[]): Effects {
  const [first = NO_EFFECTS] = parts;
  if (parts.length <= 1) return first;
  const failures = parts.flatMap(({ failures = [] }) => failures);
  return {
    ...(failures.length > 0 && { failures }),
    appends: parts.flatMap(({ appends }) => appends),
    timers: parts.flatMap(({ timers }) => timers),
    relocate: parts.findLast(({ relocate }) => relocate !== undefined)?.relocate,
    reply: parts.find(({ reply }) => reply !== undefined)?.reply,
    changed: parts.some(({ changed }) => changed),
    handled: parts.every(({ handled }) => handled),
  };
}

/** A delivery as an append handler's call; `stream` is the receiver's name. */
export function invocationOf(delivery: Delivery, stream: string): Invocation {
  return {
    handler: "append",
    argument: delivery.payload,
    message: {
      id: `${delivery.fromName}>${stream}#${delivery.seq}`,
      from: delivery.fromName,
      attempt: delivery.attempt,
    },
  };
}

/**
 * Makes one call of each agent, concurrently. `done` receives the results in the order of the agents, possibly before
 * this returns.
 */
export function runTogether(
  agents: readonly AttachedAgent[],
  invocation: Invocation,
  done: (results: readonly InvocationResult[]) => void,
): void {
  const results: InvocationResult[] = new Array(agents.length);
  let missing = agents.length;
  for (const [index, agent] of agents.entries()) {
    agent.run([invocation], (_, result) => {
      results[index] = result;
      if (result.type !== "done") agent.doubt();
      if (--missing === 0) done(results);
    });
  }
}
