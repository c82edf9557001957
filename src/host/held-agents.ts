import type { AgentSet } from "../agent/set/index.ts";
import {
  type Consumer,
  type Delivery,
  type Effects,
  type EventCall,
  type LifecycleEvent,
  NO_EFFECTS,
  type Outcome,
  type Tries,
} from "../stream/index.ts";

/** The agents of a stream that is halted as a whole: not one of them is started before {@link HeldAgents.release}. */
export class HeldAgents implements Consumer {
  readonly #state: Uint8Array;
  #agents: AgentSet | undefined;
  #isClosed = false;

  /** @param state as `snapshot` gave it */
  constructor(state: Uint8Array) {
    this.#state = state;
  }

  /** They have been started. */
  release(agents: AgentSet): void {
    if (this.#isClosed) agents.close();
    else this.#agents = agents;
  }

  get batchMax(): number {
    return this.#agents?.batchMax ?? 1;
  }

  get sharesProcess(): boolean {
    return this.#agents?.sharesProcess ?? false;
  }

  consume(
    batch: readonly Delivery[],
    done: (index: number, outcome: Outcome, more?: boolean) => void,
  ): void {
    if (this.#agents !== undefined) this.#agents.consume(batch, done);
    else for (const index of batch.keys()) done(index, { type: "interrupted" });
  }

  interrupt(): void {
    this.#agents?.interrupt();
  }

  notify(event: LifecycleEvent, done: (effects: Effects) => void): void {
    if (this.#agents === undefined) done(NO_EFFECTS);
    else this.#agents.notify(event, done);
  }

  recall(call: EventCall, tries: Tries, done: (effects: Effects) => void): void {
    if (this.#agents === undefined) done(NO_EFFECTS);
    else this.#agents.recall(call, tries, done);
  }

  snapshot(): Uint8Array {
    return this.#agents?.snapshot() ?? this.#state;
  }

  close(): void {
    this.#isClosed = true;
    this.#agents?.close();
  }
}
