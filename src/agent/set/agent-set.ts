import { assert, LIMITS, type Log, MeanderError } from "../../base/index.ts";
import {
  type Consumer,
  type Delivery,
  type Effects,
  type EventCall,
  type Fault,
  type LifecycleEvent,
  NO_EFFECTS,
  type Outcome,
  type Tries,
} from "../../stream/index.ts";
import { packValue } from "../../wire/index.ts";
import type { AgentSpec, AgentState, HandlerName } from "../model.ts";
import type { SessionPort } from "../session-port.ts";
import type { Residence } from "./agent-connection.ts";
import { AgentLoader, type AgentLoaderOptions, type LoadedAgent } from "./agent-loader.ts";
import type { AgentIdentity, AgentPace } from "./agent-pace.ts";
import { AgentRoster, CHANGED } from "./agent-roster.ts";
import { decodeAgents } from "./agent-state-codec.ts";
import type { AttachedAgent } from "./attached-agent.ts";
import { JointRun } from "./joint-run.ts";
import { callOf, LifecycleRun, recallOf } from "./lifecycle-run.ts";
import { Revival } from "./revival.ts";
import { streamElsewhere } from "./site-agents.ts";
import { SoloRun } from "./solo-run.ts";
import { callSession } from "./stream-host-calls.ts";
import { mergeEffects } from "./transaction.ts";

/** What an {@link AgentSet} needs. */
export interface AgentSetOptions extends AgentLoaderOptions {
  /** The agents of the stream, in order; or a snapshot of them. */
  readonly state: Uint8Array | readonly AgentState[];
  /** The session as the stream sees it. Appends of handlers that wait get the chain of streams that wait for them. */
  readonly port: SessionPort;
  /** One line of an agent's output. */
  output(agent: AgentIdentity, line: string): void;
  /** Undefined: without bounds. */
  readonly pace?: AgentPace | undefined;
  /**
   * An agent called `ctx.exit`, and the effects of its handler were passed on. It gets no further events, and has to be
   * detached.
   */
  onExit(agent: string): void;
  /** A handler other than `append` failed, or an agent does not start; both are logged already. */
  onFault?(fault: Fault, during: HandlerName | "start"): void;
  readonly log: Log;
}

type Done = (index: number, outcome: Outcome, more?: boolean) => void;

const NOTHING = packValue(undefined);
const UNHANDLED: Effects = { ...NO_EFFECTS, handled: false };

/**
 * The agents of one stream while it is at this site, as the consumer of its messages.
 *
 * In addition to the calls of {@link Consumer}, those that change the agents ({@link attach}, {@link detach}, {@link
 * replaceHandler}, {@link destroy}) come one at a time and between messages; the caller passes their effects on, as
 * with `notify`.
 */
export class AgentSet implements Consumer {
  readonly #options: AgentSetOptions;
  readonly #loader: AgentLoader;
  readonly #roster = new AgentRoster((agent, effects) => this.#paced(agent, effects));
  readonly #solo: SoloRun;
  readonly #joint: JointRun;
  readonly #lifecycle: LifecycleRun;
  readonly #revival: Revival;
  /** The stream is here for good: a move to here has not been aborted. */
  #isSettled = false;
  /** No message runs before, on the clock; 0: none has to wait. */
  #pausedUntil = 0;
  #isInterrupted = false;
  #isClosed = false;

  /**
   * Starts the agents and runs the init handlers of those that never were at this site: all of them, or none. The
   * effects of the init handlers go with the first effects of `consume` or `notify`; when neither was called before
   * `close`, they never ran.
   *
   * @throws {MeanderError} `state-malformed`, and those of {@link attach}; names the agent
   */
  static async open(options: AgentSetOptions): Promise<AgentSet> {
    const { state, stream } = options;
    const states = state instanceof Uint8Array ? decodeAgents(state) : state;
    if (states === undefined) {
      throw new MeanderError("state-malformed", "not a state of agents", {
        where: `stream ${stream.name}`,
      });
    }
    const set = new AgentSet(options);
    await set.#fill(states, state instanceof Uint8Array ? state : undefined);
    return set;
  }

  private constructor(options: AgentSetOptions) {
    const { stream, clock } = options;
    this.#options = options;
    this.#loader = new AgentLoader(options, this.#residence);
    const exited = (agent: AttachedAgent) => this.#exited(agent);
    this.#solo = new SoloRun(stream.name, this.#roster, exited);
    this.#joint = new JointRun(stream.name, this.#roster, exited);
    const failed = (fault: Fault, during: HandlerName | "start") => this.#failed(fault, during);
    this.#lifecycle = new LifecycleRun(this.#roster, failed, exited);
    this.#revival = new Revival(clock, (fault) => failed(fault, "start"));
  }

  get batchMax(): number {
    return this.#roster.consumers.length > 1 ? 1 : LIMITS.deliveryBatchMax;
  }

  get sharesProcess(): boolean {
    return this.#roster.consumers.some(({ isInline }) => isInline);
  }

  /** The agents in order, with what they committed last. */
  get agents(): readonly AgentState[] {
    return this.#roster.all.map(({ spec, briefcase }) => ({ spec, briefcase }));
  }

  consume(batch: readonly Delivery[], done: Done): void {
    assert(this.#isIdle, "a stream consumes between its other calls");
    this.#isInterrupted = false;
    if (!this.#isSettled) this.#settle();
    const { consumers } = this.#roster;
    const pauseMs = this.#pausedUntil === 0 ? 0 : this.#takePause();
    let isReady = pauseMs === 0;
    for (const agent of consumers) isReady &&= agent.isReady;
    if (isReady) this.#run(consumers, batch, done);
    else this.#reviveAndRun(consumers, batch, done, pauseMs);
  }

  interrupt(): void {
    this.#isInterrupted = true;
    this.#revival.cancel();
    this.#solo.agent?.interrupt();
    for (const agent of this.#joint.agents) agent.interrupt();
  }

  notify(event: LifecycleEvent, done: (effects: Effects) => void): void {
    assert(this.#isIdle, "a stream is notified between its other calls");
    if (!this.#isSettled) this.#settle();
    this.#lifecycle.start(callOf(event, this.#roster), done);
  }

  recall(call: EventCall, tries: Tries, done: (effects: Effects) => void): void {
    assert(this.#isIdle, "a stream is notified between its other calls");
    this.#lifecycle.start(recallOf(call, tries, this.#roster), done);
  }

  snapshot(): Uint8Array {
    return this.#roster.snapshot();
  }

  /**
   * Attaches an agent: starts it, runs its init handler, and informs the others. Nothing remains of one that fails.
   *
   * @throws {MeanderError} `agent-exists`, `agents-exhausted`, `isolation-refused`, `code-…`, `executor-failed`,
   *   `agent-init-failed`
   */
  async attach(spec: AgentSpec, briefcase: Uint8Array): Promise<Effects> {
    assert(this.#isIdle, "agents are attached between messages");
    const where = `stream ${this.#options.stream.name}`;
    if (this.#roster.get(spec.name) !== undefined) {
      const what = `it has an agent ${spec.name}`;
      throw new MeanderError("agent-exists", what, { where, next: "choose another name" });
    }
    if (this.#roster.all.length >= LIMITS.streamAgentsMax) {
      const what = `it has ${LIMITS.streamAgentsMax} agents, and can have no more`;
      throw new MeanderError("agents-exhausted", what, { where });
    }
    const { agent, initEffects } = await this.#loader.load({ spec, briefcase });
    if (this.#isClosed) {
      this.#loader.lose(agent);
      throw streamElsewhere(where);
    }
    if (!this.#isSettled) this.#settle();
    this.#roster.add(agent);
    this.#loader.settle(agent);
    const told = await this.#tell({ type: "agentAttached", agent: spec.name });
    if (agent.isExiting) this.#exited(agent);
    return mergeEffects([CHANGED, initEffects, told]);
  }

  /**
   * Runs the finalize handler of an agent, closes it, and informs the others. @throws {MeanderError} `agent-unknown`
   */
  async detach(name: string): Promise<Effects> {
    const agent = this.#agent(name);
    const finalized = await this.#finalize([agent]);
    this.#roster.remove(agent);
    this.#loader.remove(agent);
    const told = await this.#tell({ type: "agentDetached", agent: name });
    return mergeEffects([CHANGED, finalized, told]);
  }

  /**
   * Replaces one handler by the one of this code; null removes it. The snapshot changes. When it fails the old handler
   * stays.
   *
   * @throws {MeanderError} `agent-unknown`, `code-…`, `executor-failed`
   */
  async replaceHandler(name: string, event: HandlerName, code: string | null): Promise<void> {
    const agent = this.#agent(name);
    const expression = await this.#loader.expression(code);
    if (!agent.isReady) await agent.revive();
    await agent.setHandler(event, code, expression);
    this.#roster.changed();
  }

  /** Runs all finalize handlers and closes everything; nothing of the stream remains at the site. */
  async destroy(): Promise<Effects> {
    assert(this.#isIdle, "a stream is destroyed between messages");
    const finalized = await this.#finalize(this.#roster.all);
    this.#isClosed = true;
    for (const agent of this.#roster.all) this.#loader.remove(agent);
    return finalized;
  }

  /** The instances stay at the site, for a later visit, except those that run a handler. Closing twice does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const busy = [this.#solo.agent, ...this.#joint.agents, ...this.#lifecycle.agents];
    this.#revival.abandon();
    this.#solo.abandon();
    this.#joint.abandon();
    this.#lifecycle.abandon(streamElsewhere(`stream ${this.#options.stream.name}`));
    for (const agent of this.#roster.all) {
      if (busy.includes(agent)) this.#loader.lose(agent);
      else this.#loader.leave(agent);
    }
  }

  readonly #residence: Residence = {
    call: async ({ name, owner }, verb, argument) => {
      const { port, pace, stream } = this.#options;
      const delivery = this.#solo.delivery ?? this.#joint.delivery;
      const chain = [...(delivery?.chain ?? []), stream.id];
      if (!this.#isClosed) await pace?.request(owner, verb);
      if (this.#isClosed) throw streamElsewhere(`agent ${name}`);
      return await callSession(port, verb, argument, { chain, owner });
    },
    output: (agent, line) => this.#options.output(agent, line),
    ended: (agent, { code, message }) => {
      const fields = { stream: this.#options.stream.name, agent, code, message };
      this.#options.log.warn("An agent ended; it is started again before its next event.", fields);
    },
  };

  get #isIdle(): boolean {
    return (
      !this.#isClosed &&
      this.#solo.agent === undefined &&
      this.#joint.delivery === undefined &&
      !this.#lifecycle.isRunning &&
      !this.#revival.isRunning
    );
  }

  async #fill(states: readonly AgentState[], snapshot: Uint8Array | undefined): Promise<void> {
    const outcomes = await Promise.allSettled(states.map((state) => this.#loader.load(state)));
    const loaded: LoadedAgent[] = [];
    for (const outcome of outcomes) if (outcome.status === "fulfilled") loaded.push(outcome.value);
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    if (failure !== undefined) {
      this.#isClosed = true;
      for (const { agent } of loaded) this.#loader.leave(agent);
      throw failure.reason;
    }
    const effects = mergeEffects(loaded.map(({ initEffects }) => initEffects));
    this.#roster.fill(
      loaded.map(({ agent }) => agent),
      effects,
      snapshot,
    );
  }

  /** From now on the stream is here, and what the init handlers did holds. */
  #settle(): void {
    this.#isSettled = true;
    for (const agent of this.#roster.all) {
      this.#loader.settle(agent);
      if (agent.isExiting) this.#exited(agent);
    }
  }

  #run(consumers: readonly AttachedAgent[], batch: readonly Delivery[], done: Done): void {
    const [agent] = consumers;
    const [delivery] = batch;
    if (agent === undefined || delivery === undefined) this.#discard(batch, done);
    else if (consumers.length === 1) this.#solo.start(agent, batch, done);
    else {
      assert(batch.length === 1, "several agents get one message at a time");
      this.#joint.start(consumers, delivery, done);
    }
  }

  /** @param pauseMs the messages wait that long in any case */
  #reviveAndRun(
    consumers: readonly AttachedAgent[],
    batch: readonly Delivery[],
    done: Done,
    pauseMs: number,
  ): void {
    const revived = (isRevived: boolean): void => {
      if (isRevived) this.#run(consumers, batch, done);
      else for (const index of batch.keys()) done(index, { type: "interrupted" });
    };
    this.#revival.begin(consumers, revived, pauseMs);
  }

  /** What a call led to, at the pace of its agent's owner. */
  #paced(agent: AttachedAgent, effects: Effects): Effects {
    const { pace, stream, clock } = this.#options;
    if (pace === undefined) return effects;
    let toItself = 0;
    for (const { to } of effects.appends) if (to === stream.name) toItself++;
    const { owner } = agent.spec;
    if (toItself > 0) {
      const pauseMs = pace.selfSends(owner, toItself);
      if (pauseMs > 0) this.#pausedUntil = clock.now() + pauseMs;
    }
    if (effects.timers.length === 0) return effects;
    const leastMs = pace.timers(owner, effects.timers.length);
    if (leastMs === 0) return effects;
    const timers = effects.timers.map((timer) => ({
      ...timer,
      delayMs: Math.max(timer.delayMs, leastMs),
    }));
    return { ...effects, timers };
  }

  /** How long the next messages have to wait, ms. */
  #takePause(): number {
    const pauseMs = Math.max(0, this.#pausedUntil - this.#options.clock.now());
    this.#pausedUntil = 0;
    return pauseMs;
  }

  /** No agent has an append handler. */
  #discard(batch: readonly Delivery[], done: Done): void {
    for (const index of batch.keys()) {
      if (this.#isClosed) return;
      if (this.#isInterrupted) done(index, { type: "interrupted" });
      else done(index, { type: "consumed", effects: this.#roster.withPending(UNHANDLED) });
    }
  }

  #tell(event: LifecycleEvent): Promise<Effects> {
    return this.#lifecycle.effectsOf(callOf(event, this.#roster));
  }

  #finalize(agents: readonly AttachedAgent[]): Promise<Effects> {
    const handling = agents.filter((agent) => agent.handles("finalize"));
    const call = { agents: handling, handler: "finalize", argument: NOTHING } as const;
    return this.#lifecycle.effectsOf(call);
  }

  #agent(name: string): AttachedAgent {
    assert(this.#isIdle, "agents are changed between messages");
    const agent = this.#roster.get(name);
    if (agent === undefined) {
      throw new MeanderError("agent-unknown", `it has no agent ${name}`, {
        where: `stream ${this.#options.stream.name}`,
        expected: this.#roster.all.map((each) => each.name).join(", ") || "none",
      });
    }
    return agent;
  }

  #exited(agent: AttachedAgent): void {
    if (!this.#isClosed) this.#options.onExit(agent.name);
  }

  #failed(fault: Fault, during: HandlerName | "start"): void {
    const { stream, log, pace } = this.#options;
    const owner = this.#roster.get(fault.agent)?.spec.owner;
    if (owner === undefined || pace?.mayLog(owner, fault.message.length) !== false)
      log.warn(during === "start" ? "An agent does not start." : "A handler failed.", {
        stream: stream.name,
        during,
        ...fault,
      });
    this.#options.onFault?.(fault, during);
  }
}
