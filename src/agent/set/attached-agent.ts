import { assert } from "../../base/index.ts";
import type { Invocation, InvocationDone } from "../executor.ts";
import type { AgentSpec, AgentState, HandlerName } from "../model.ts";
import { encodeSpec } from "./agent-state-codec.ts";
import type { RunningAgent } from "./running-agent.ts";

/** Starts an agent from its committed state. @throws {MeanderError} why it cannot */
export type StartAgent = (state: AgentState) => Promise<RunningAgent>;

/** An agent of a stream that is here: its committed state, and what runs it. */
export class AttachedAgent implements AgentState {
  readonly #start: StartAgent;
  #running: RunningAgent;
  #spec: AgentSpec;
  #specBytes: Uint8Array | undefined;
  #briefcase: Uint8Array;
  /** The last call failed or was interrupted, perhaps because the instance ended, which is reported a moment later. */
  #isDoubted = false;
  #isReleased = false;
  #starting: Promise<void> | undefined;
  /** It called `ctx.exit`, and gets no more events but `finalize`. */
  isExiting = false;

  constructor({ spec, briefcase }: AgentState, running: RunningAgent, start: StartAgent) {
    this.#running = running;
    this.#spec = spec;
    this.#briefcase = briefcase;
    this.#start = start;
  }

  get name(): string {
    return this.#spec.name;
  }

  get spec(): AgentSpec {
    return this.#spec;
  }

  /** Packed; of the last commit. */
  get briefcase(): Uint8Array {
    return this.#briefcase;
  }

  get specBytes(): Uint8Array {
    this.#specBytes ??= encodeSpec(this.#spec);
    return this.#specBytes;
  }

  /** Whether an event is for it. */
  handles(event: HandlerName): boolean {
    if (this.isExiting && event !== "finalize") return false;
    return this.#running.instance.handlers.has(event);
  }

  /** Whether it runs in the process of its site. */
  get isInline(): boolean {
    return this.#running.isInline;
  }

  /** Whether it can run at once; else {@link revive} it first. */
  get isReady(): boolean {
    return !this.#isDoubted && this.#running.ended === undefined;
  }

  /** As {@link AgentInstance.run}. */
  run(batch: readonly Invocation[], done: InvocationDone): void {
    this.#running.instance.run(batch, done);
  }

  interrupt(): void {
    this.#running.instance.interrupt();
  }

  /** A call failed, or was interrupted. */
  doubt(): void {
    this.#isDoubted = true;
  }

  /** Keeps what a call led to. */
  commit(briefcase: Uint8Array): void {
    this.#briefcase = briefcase;
  }

  /** Makes void what the instance did since the last commit; between calls only. */
  restore(): void {
    if (this.#running.ended === undefined) this.#running.instance.restore(this.#briefcase);
  }

  /**
   * Starts it again from the committed state if it has ended. Concurrent calls share one start. @throws {MeanderError}
   * why it cannot
   */
  async revive(): Promise<void> {
    this.#starting ??= this.#revive();
    try {
      await this.#starting;
    } finally {
      this.#starting = undefined;
    }
  }

  /** As {@link RunningAgent.setHandler}. */
  async setHandler(
    event: HandlerName,
    code: string | null,
    expression: string | null,
  ): Promise<void> {
    await this.#running.setHandler(event, code, expression);
    this.#spec = { ...this.#spec, replaced: { ...this.#spec.replaced, [event]: code } };
    this.#specBytes = undefined;
  }

  /** Gives up the instance to the caller; it is not to be used here any more. */
  release(): RunningAgent {
    assert(!this.#isReleased, "an agent is released once");
    this.#isReleased = true;
    return this.#running;
  }

  async #revive(): Promise<void> {
    // The end of an instance is reported in the turn in which its calls failed.
    await Promise.resolve();
    const fault = await Promise.race([this.#running.instance.ended, Promise.resolve(undefined)]);
    if (fault !== undefined || this.#running.ended !== undefined) {
      this.#running.close();
      const running = await this.#start(this);
      if (this.#isReleased) running.close();
      else this.#running = running;
    }
    this.#isDoubted = false;
  }
}
