import type { Delivery, Outcome } from "../../stream/index.ts";
import type { Invocation, InvocationResult } from "../executor.ts";
import type { AgentRoster } from "./agent-roster.ts";
import type { AttachedAgent } from "./attached-agent.ts";
import { failedOutcome } from "./error-policy.ts";
import { invocationOf } from "./transaction.ts";

type Done = (index: number, outcome: Outcome, more?: boolean) => void;

/**
 * Deliveries to a stream of which one agent alone has an append handler: it gets them as one batch, and each is
 * committed separately. Reused: on this path nothing is allocated per message but what is passed on.
 */
export class SoloRun {
  readonly #stream: string;
  readonly #roster: AgentRoster;
  readonly #onExit: (agent: AttachedAgent) => void;
  #agent: AttachedAgent | undefined;
  #batch: readonly Delivery[] = [];
  #done: Done | undefined;
  /** Deliveries whose outcome was reported. */
  #toldCount = 0;
  /** What the instance does from now on is void: the agent has left. */
  #isOver = false;
  /** The instance's briefcase is not the committed one. */
  #isAstray = false;

  constructor(stream: string, roster: AgentRoster, onExit: (agent: AttachedAgent) => void) {
    this.#stream = stream;
    this.#roster = roster;
    this.#onExit = onExit;
  }

  /** The agent that runs. */
  get agent(): AttachedAgent | undefined {
    return this.#agent;
  }

  /** What it runs. */
  get delivery(): Delivery | undefined {
    return this.#batch[this.#toldCount];
  }

  /** As {@link Consumer.consume}. */
  start(agent: AttachedAgent, batch: readonly Delivery[], done: Done): void {
    this.#agent = agent;
    this.#batch = batch;
    this.#done = done;
    this.#toldCount = 0;
    this.#isOver = false;
    this.#isAstray = false;
    const calls: Invocation[] = [];
    for (const delivery of batch) calls.push(invocationOf(delivery, this.#stream));
    agent.run(calls, this.#take);
  }

  /** Reports nothing more. */
  abandon(): void {
    this.#agent = undefined;
    this.#done = undefined;
    this.#batch = [];
  }

  readonly #take = (index: number, result: InvocationResult, more = false): void => {
    const agent = this.#agent;
    const done = this.#done;
    const delivery = this.#batch[index];
    if (agent === undefined || done === undefined || delivery === undefined) return;
    this.#toldCount = index + 1;
    const wasOver = this.#isOver;
    const outcome = this.#outcomeOf(agent, delivery, result);
    if (this.#toldCount === this.#batch.length) {
      // The next batch may start in `done`.
      this.abandon();
      if (this.#isAstray) agent.restore();
    }
    const hasLeft = this.#isOver && !wasOver;
    if (hasLeft && this.#agent !== undefined) agent.interrupt();
    done(index, outcome, more && !hasLeft);
    if (hasLeft) this.#onExit(agent);
  };

  #outcomeOf(agent: AttachedAgent, delivery: Delivery, result: InvocationResult): Outcome {
    switch (result.type) {
      case "done":
        if (this.#isOver) {
          // It had started before the instance learned that it has left: for its stream this never happened.
          this.#isAstray ||= result.briefcase !== undefined;
          return { type: "interrupted" };
        }
        this.#isOver = result.exits;
        return { type: "consumed", effects: this.#roster.commit(agent, result) };
      case "failed":
        agent.doubt();
        if (this.#isOver) return { type: "interrupted" };
        return failedOutcome(result.fault, agent.spec.onError, delivery);
      case "interrupted":
        // Perhaps together with its executor.
        agent.doubt();
        return { type: "interrupted" };
    }
  }
}
