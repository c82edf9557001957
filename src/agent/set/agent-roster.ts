import { type Effects, NO_EFFECTS } from "../../stream/index.ts";
import type { HandlerName } from "../model.ts";
import { joinAgents } from "./agent-state-codec.ts";
import type { AttachedAgent } from "./attached-agent.ts";
import { type DoneResult, effectsOf, mergeEffects } from "./transaction.ts";

/** The agents of a stream in the order in which they were attached, and their state as it was committed. */
export class AgentRoster {
  readonly #agents: AttachedAgent[] = [];
  #consumers: readonly AttachedAgent[] | undefined;
  #snapshot: Uint8Array | undefined;
  /** Sees what a call led to before it counts. */
  readonly #paced: (agent: AttachedAgent, effects: Effects) => Effects;
  /** What init handlers led to before the stream was here; goes with the first commit. */
  #pending: Effects | undefined;

  constructor(
    paced: (agent: AttachedAgent, effects: Effects) => Effects = (_, effects) => effects,
  ) {
    this.#paced = paced;
  }

  /**
   * Adds the first agents. `pending`: the effects of their init handlers; `snapshot`: their state before, when it is
   * already packed.
   */
  fill(agents: readonly AttachedAgent[], pending: Effects, snapshot: Uint8Array | undefined): void {
    for (const agent of agents) this.add(agent);
    this.#pending = pending === NO_EFFECTS ? undefined : pending;
    if (!pending.changed) this.#snapshot = snapshot;
  }

  get all(): readonly AttachedAgent[] {
    return this.#agents;
  }

  get(name: string): AttachedAgent | undefined {
    return this.#agents.find((agent) => agent.name === name);
  }

  /** Those that get messages. */
  get consumers(): readonly AttachedAgent[] {
    this.#consumers ??= this.handling("append");
    return this.#consumers;
  }

  handling(event: HandlerName): AttachedAgent[] {
    return this.#agents.filter((agent) => agent.handles(event));
  }

  add(agent: AttachedAgent): void {
    this.#agents.push(agent);
    this.changed();
  }

  remove(agent: AttachedAgent): void {
    this.#agents.splice(this.#agents.indexOf(agent), 1);
    this.changed();
  }

  /** Which agents there are, or what they handle, differs from before. */
  changed(): void {
    this.#consumers = undefined;
    this.#snapshot = undefined;
  }

  /** Keeps what a call of an agent led to. */
  commit(agent: AttachedAgent, result: DoneResult): Effects {
    if (result.briefcase !== undefined) {
      agent.commit(result.briefcase);
      this.#snapshot = undefined;
    }
    if (result.exits) {
      agent.isExiting = true;
      this.#consumers = undefined;
    }
    const effects = this.#paced(agent, effectsOf(result));
    return this.#pending === undefined ? effects : this.withPending(effects);
  }

  /** `effects`, and before them what waits for a commit. */
  withPending(effects: Effects): Effects {
    if (this.#pending === undefined) return effects;
    const merged = mergeEffects([this.#pending, effects]);
    this.#pending = undefined;
    return merged;
  }

  /** As {@link Consumer.snapshot}. */
  snapshot(): Uint8Array {
    this.#snapshot ??= joinAgents(this.#agents);
    return this.#snapshot;
  }
}

/** That the committed state differs from before, and nothing else. */
export const CHANGED: Effects = { ...NO_EFFECTS, changed: true };
