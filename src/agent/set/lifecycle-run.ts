import { assert, type MeanderError } from "../../base/index.ts";
import {
  type Effects,
  type EventCall,
  type EventFailure,
  type Fault,
  type LifecycleEvent,
  NO_EFFECTS,
  type Tries,
} from "../../stream/index.ts";
import { packValue } from "../../wire/index.ts";
import type { HandlerName } from "../model.ts";
import type { AgentRoster } from "./agent-roster.ts";
import type { AttachedAgent } from "./attached-agent.ts";
import { eventFailureAction, startFailureAction } from "./error-policy.ts";
import { reviveAll } from "./revival.ts";
import { mergeEffects, runTogether } from "./transaction.ts";

/** Whose handler runs, and with what. */
export interface LifecycleCall {
  readonly agents: readonly AttachedAgent[];
  readonly handler: EventCall["handler"];
  /** Packed. */
  readonly argument: Uint8Array;
  /** How often these handlers ran before. Default: never. */
  readonly tries?: Tries;
}

const FIRST: Tries = { attempt: 1, deaths: 0, spared: 0 };

/** A handler that failed, again. */
export function recallOf(
  { agent, handler, argument }: EventCall,
  tries: Tries,
  roster: AgentRoster,
): LifecycleCall {
  const agents = roster.handling(handler).filter(({ name }) => name === agent);
  return { agents, handler, argument, tries };
}

/** The call that an event is. */
export function callOf(event: LifecycleEvent, roster: AgentRoster): LifecycleCall {
  const handler = event.type;
  const agents = roster.handling(handler);
  switch (event.type) {
    case "timer":
      return {
        agents: agents.filter(({ name }) => name === event.agent),
        handler,
        argument: event.payload,
      };
    case "agentAttached":
    case "agentDetached":
      // The others are informed, not the agent itself.
      return {
        agents: agents.filter(({ name }) => name !== event.agent),
        handler,
        argument: argumentOf(event),
      };
    default:
      return { agents, handler, argument: agents.length === 0 ? EMPTY : argumentOf(event) };
  }
}

/** Runs the handlers of one event at a time: each agent commits separately, and one that fails is as it was before. */
export class LifecycleRun {
  readonly #roster: AgentRoster;
  readonly #onFault: (fault: Fault, handler: HandlerName | "start") => void;
  readonly #onExit: (agent: AttachedAgent) => void;
  #agents: readonly AttachedAgent[] = [];
  #isRunning = false;
  #isAbandoned = false;
  /** Rejects the latest promise; does nothing once that is settled. */
  #reject: (error: MeanderError) => void = () => {};

  constructor(
    roster: AgentRoster,
    onFault: (fault: Fault, handler: HandlerName | "start") => void,
    onExit: (agent: AttachedAgent) => void,
  ) {
    this.#roster = roster;
    this.#onFault = onFault;
    this.#onExit = onExit;
  }

  /** Those that run. */
  get agents(): readonly AttachedAgent[] {
    return this.#agents;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** `done` is called once, perhaps before this returns. */
  start(call: LifecycleCall, done: (effects: Effects) => void): void {
    this.#isRunning = true;
    if (call.agents.every(({ isReady }) => isReady)) this.#run(call, [], done);
    else void this.#reviveAndRun(call, done);
  }

  /** As {@link start}; rejects when it is abandoned. */
  effectsOf(call: LifecycleCall): Promise<Effects> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.start(call, resolve);
    });
  }

  /** Reports nothing more; pending calls of {@link effectsOf} reject with `error`. */
  abandon(error: MeanderError): void {
    this.#isAbandoned = true;
    this.#reject(error);
  }

  async #reviveAndRun(call: LifecycleCall, done: (effects: Effects) => void): Promise<void> {
    const failures = (await reviveAll(call.agents)).map((fault): EventFailure => {
      this.#onFault(fault, "start");
      const { handler, argument, tries = FIRST } = call;
      const then = startFailureAction(handler, tries.attempt);
      return { call: { agent: fault.agent, handler, argument }, fault, then, isSpared: true };
    });
    if (this.#isAbandoned) return;
    this.#run({ ...call, agents: call.agents.filter(({ isReady }) => isReady) }, failures, done);
  }

  /** @param failures of agents that did not start */
  #run(
    { agents, handler, argument, tries = FIRST }: LifecycleCall,
    failures: readonly EventFailure[],
    done: (effects: Effects) => void,
  ): void {
    if (agents.length === 0) {
      this.#isRunning = false;
      done(this.#roster.withPending(withFailures(NO_EFFECTS, failures)));
      return;
    }
    this.#agents = agents;
    runTogether(agents, { handler, argument, message: undefined }, (results) => {
      if (this.#isAbandoned) return;
      this.#agents = [];
      this.#isRunning = false;
      const parts: Effects[] = [];
      const failed = [...failures];
      const exited: AttachedAgent[] = [];
      for (const [index, agent] of agents.entries()) {
        const result = results[index];
        assert(result !== undefined, "each agent has a result");
        // No sender waits for the reply.
        if (result.type === "done") {
          parts.push({ ...this.#roster.commit(agent, result), reply: undefined });
          if (result.exits && handler !== "finalize") exited.push(agent);
        }
        if (result.type === "interrupted") {
          const fault = { ...INTERRUPTED, agent: agent.name };
          const then = startFailureAction(handler, tries.attempt);
          const call = { agent: agent.name, handler, argument };
          failed.push({ call, fault, then, isSpared: true });
        }
        if (result.type === "failed") {
          const { fault } = result;
          this.#onFault(fault, handler);
          const then = eventFailureAction(handler, fault, agent.spec.onError, tries);
          failed.push({ call: { agent: agent.name, handler, argument }, fault, then });
        }
      }
      done(this.#roster.withPending(withFailures(mergeEffects(parts), failed)));
      for (const agent of exited) this.#onExit(agent);
    });
  }
}

function withFailures(effects: Effects, failures: readonly EventFailure[]): Effects {
  return failures.length === 0 ? effects : { ...effects, failures };
}

const EMPTY = packValue(undefined);

/** Why a handler is called again that was interrupted: as little at fault as one whose agent does not start. */
const INTERRUPTED = {
  code: "executor-failed",
  message: "what ran it ended because of another agent",
} as const;

/** What the handler gets: the event without its type. */
function argumentOf({ type: _, ...rest }: LifecycleEvent): Uint8Array {
  return packValue(rest);
}
