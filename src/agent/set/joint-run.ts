import { assert } from "../../base/index.ts";
import type { Delivery, Effects, Fault, Outcome } from "../../stream/index.ts";
import type { InvocationResult } from "../executor.ts";
import type { AgentRoster } from "./agent-roster.ts";
import type { AttachedAgent } from "./attached-agent.ts";
import { failedOutcome } from "./error-policy.ts";
import { type DoneResult, invocationOf, mergeEffects, runTogether } from "./transaction.ts";

/** A delivery to several agents at once: all of them end well, or it never happened for any. */
export class JointRun {
  readonly #stream: string;
  readonly #roster: AgentRoster;
  readonly #onExit: (agent: AttachedAgent) => void;
  #agents: readonly AttachedAgent[] = [];
  #delivery: Delivery | undefined;
  #isAbandoned = false;

  constructor(stream: string, roster: AgentRoster, onExit: (agent: AttachedAgent) => void) {
    this.#stream = stream;
    this.#roster = roster;
    this.#onExit = onExit;
  }

  /** Those that run. */
  get agents(): readonly AttachedAgent[] {
    return this.#agents;
  }

  /** What they run. */
  get delivery(): Delivery | undefined {
    return this.#delivery;
  }

  /** `done` is called once, perhaps before this returns. */
  start(
    agents: readonly AttachedAgent[],
    delivery: Delivery,
    done: (index: 0, outcome: Outcome) => void,
  ): void {
    this.#agents = agents;
    this.#delivery = delivery;
    runTogether(agents, invocationOf(delivery, this.#stream), (results) => {
      if (this.#isAbandoned) return;
      this.#agents = [];
      this.#delivery = undefined;
      const outcome = this.#outcomeOf(agents, delivery, results);
      done(0, outcome);
      if (outcome.type !== "consumed") return;
      for (const agent of agents) if (agent.isExiting) this.#onExit(agent);
    });
  }

  /** Reports nothing more, and starts nothing more. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  #outcomeOf(
    agents: readonly AttachedAgent[],
    delivery: Delivery,
    results: readonly InvocationResult[],
  ): Outcome {
    if (results.every((result) => result.type === "done")) {
      return { type: "consumed", effects: this.#commit(agents, results) };
    }
    for (const [index, agent] of agents.entries()) {
      const result = results[index];
      if (result?.type === "done" && result.briefcase !== undefined) agent.restore();
    }
    const index = culprit(results);
    const result = results[index];
    const agent = agents[index];
    if (agent === undefined || result?.type !== "failed") return { type: "interrupted" };
    return failedOutcome(result.fault, agent.spec.onError, delivery);
  }

  #commit(agents: readonly AttachedAgent[], results: readonly DoneResult[]): Effects {
    const parts: Effects[] = [];
    for (const [index, agent] of agents.entries()) {
      const result = results[index];
      assert(result !== undefined, "each agent has a result");
      parts.push(this.#roster.commit(agent, result));
    }
    return mergeEffects(parts);
  }
}

/**
 * Index of the first that ended its executor, else of the first that failed by itself, else of the first that failed;
 * -1 when none did.
 */
function culprit(results: readonly InvocationResult[]): number {
  const find = (is: (fault: Fault) => boolean): number =>
    results.findIndex((result) => result.type === "failed" && is(result.fault));
  const ended = find(({ endedExecutor = false }) => endedExecutor);
  if (ended >= 0) return ended;
  const byItself = find(({ code }) => code !== "executor-failed");
  return byItself >= 0 ? byItself : find(() => true);
}
