import { LIMITS, MeanderError } from "../base/index.ts";
import { AppendGate } from "./append-gate.ts";
import { Commits } from "./commits.ts";
import type { Consumer, Effects, EventFailure, LifecycleEvent } from "./consumer.ts";
import {
  type CurrentMessage,
  currentMessage,
  type WaitingMessage,
  waitingMessages,
} from "./current-message.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Endpoint } from "./endpoint.ts";
import { EventQueue } from "./event-queue.ts";
import { EventRunner } from "./event-runner.ts";
import type { Frame } from "./frames.ts";
import { Gates } from "./gates.ts";
import { InboundPairs } from "./inbound-pairs.ts";
import type { KernelContext } from "./kernel-context.ts";
import { Mailbox } from "./mailbox.ts";
import { MessageRunner } from "./message-runner.ts";
import { MessageTrouble } from "./message-trouble.ts";
import { type Durability, type EndpointId, isStream, type SiteInstance } from "./model.ts";
import { OperatorActions } from "./operator-actions.ts";
import type { Arrival, PairOwner, ReceivePair } from "./receive-pair.ts";
import type { ReplyWaiter } from "./reply-waiters.ts";
import type { ResidentOptions } from "./resident-options.ts";
import { Scheduler } from "./scheduler.ts";
import type { StreamContext } from "./stream-context.ts";
import { StreamHalt } from "./stream-halt.ts";
import { type DeadLetter, encodeState, type StreamState } from "./stream-state.ts";
import { StreamTimers } from "./stream-timers.ts";
import { Suspects } from "./suspects.ts";

/**
 * A stream at this site: what it has received, what runs, and what it has sent. Configuration changes and events run
 * between messages, one at a time (docs/spec/streams.md [M3], [M4]).
 */
export class Resident extends Endpoint implements PairOwner {
  readonly streamEpoch: number;
  readonly durability: Durability;
  readonly consumer: Consumer;
  /** What an operator can do with messages and events that failed. */
  readonly operator: OperatorActions;
  /** Whether it may run, and what has it go on. */
  readonly halt: StreamHalt;
  /** The message or event that runs, is retried, or halted the stream. */
  readonly current: () => CurrentMessage | undefined;
  readonly counts: Record<string, number> = {};
  readonly #options: ResidentOptions;
  readonly #pairs: InboundPairs;
  readonly #gate: AppendGate;
  readonly #mailbox = new Mailbox();
  readonly #gates: Gates;
  readonly #trouble: MessageTrouble;
  readonly #suspects: Suspects;
  readonly #runner: MessageRunner;
  readonly #scheduler: Scheduler;
  readonly #deadLetters: DeadLetters;
  readonly #eventRunner: EventRunner;
  readonly #events: EventQueue;
  readonly #timers: StreamTimers;
  readonly #commits: Commits;
  #started = false;
  #frozen = false;
  #closed = false;

  constructor(context: KernelContext, options: ResidentOptions) {
    super(context, options.id, options.name);
    this.#options = options;
    const { id, name, streamEpoch, durability, consumer, state, marks, first } = options;
    this.streamEpoch = streamEpoch;
    this.durability = durability;
    this.consumer = consumer;
    const stream: StreamContext = {
      ...{ id, name, site: context.self, clock: context.clock },
      turn: (task) => context.turn(task),
      wake: () => context.atTurnEnd(this),
      changed: () => this.#changed(),
      settled: () => this.#commits.settled(),
      count: (reason, times) => this.#count(reason, times),
      emit: (event) => context.emit(event),
    };
    const mailbox = this.#mailbox;
    const wake = (): void => context.turn(() => context.atTurnEnd(this));
    const requested = (): void => {
      this.interrupt();
      wake();
    };
    const gates = new Gates({ name, requested, passed: wake });
    const deadLetters = new DeadLetters(state.deadLetters);
    const suspects = new Suspects(state.suspects);
    const trouble = new MessageTrouble(stream, state.trouble, suspects);
    const apply = (effects: Effects): void => this.#apply(effects);
    const runner = new EventRunner({ stream, consumer, apply, hasLeft: () => this.#closed });
    const isHalted = (): boolean => this.halt.isHalted;
    const events = new EventQueue({ stream, gates, deadLetters, runner, isHalted }, state);
    const resumed = (): void => context.turn(() => this.touch());
    this.halt = new StreamHalt(
      { gates, events, runner, first, resumed },
      options.isHalted ?? false,
    );
    this.#timers = new StreamTimers(stream, {
      expiredCount: () => events.timerCount,
      expired: (agent, payload) => {
        events.tell({ type: "timer", agent, payload }).catch(() => {
          // The stream has left: the event travels with it.
        });
      },
    });
    this.#commits = new Commits({
      ...{ context, stream, durability, keep: options.keep },
      state: () => encodeState(this.state()),
      pairs: () => this.#pairs.all.values(),
      windows: () => this.windows.values(),
    });
    const mayRun = (): boolean => !this.#closed && !this.#frozen && context.leaseHolds();
    this.#runner = new MessageRunner({
      ...{ stream, consumer, mailbox, deadLetters, trouble, suspects, apply, marks, mayRun },
      reply: ({ source, sourceName, seq }, reply) => this.reply(source, sourceName, seq, reply),
      consumed: (entry) => this.#commits.consumed(entry),
    });
    this.#scheduler = new Scheduler({
      ...{ gates, events, mailbox, trouble, runner: this.#runner, mayRun },
      mayConsume: () => this.#started && !isHalted(),
      isFull: () => this.isFull,
    });
    this.operator = new OperatorActions({ stream, events, mailbox, trouble, deadLetters });
    this.current = () =>
      currentMessage(name, { runner: this.#runner, events, trouble, mailbox, pairs: this.#pairs });
    this.#eventRunner = runner;
    this.#gates = gates;
    this.#deadLetters = deadLetters;
    this.#trouble = trouble;
    this.#suspects = suspects;
    this.#events = events;
    this.adoptSender(state.outbound, state.replies, state.unresolved);
    this.#pairs = new InboundPairs(context, this, state.inbound);
    this.#gate = new AppendGate({
      ...{ context, denies: options.denies, isOpen: () => !this.#frozen && !this.#closed },
      take: (from, frame) => {
        this.#pairs.accept(from, frame, (arrival) => this.#received(arrival));
        context.atTurnEnd(this);
      },
      refuse: (from, { source }, why) => this.#pairs.refuse(from, source, why),
      count: (reason, times) => this.#count(reason, times),
    });
    for (const { source, siteInstance } of [...state.inbound, ...state.replies])
      if (!isStream(source)) context.locations.setOther(source, siteInstance);
    for (const timer of state.timers) this.#timers.set(timer);
  }

  get address(): EndpointId {
    return this.id;
  }

  get maySend(): boolean {
    return this.#started && !this.#frozen && !this.#closed && this.context.leaseHolds();
  }

  get room(): number {
    return this.#mailbox.room;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** Whether its record is up to date; always true without one. */
  get isSettled(): boolean {
    return this.#commits.isSettled;
  }

  get waiting(): number {
    return this.#mailbox.length;
  }

  /** Whether events wait, or are retried. */
  get hasEvents(): boolean {
    return !this.#events.isEmpty;
  }

  protected override get holdsBack(): boolean {
    return this.#options.durability.type === "message";
  }

  protected override get lostNumbers(): boolean {
    return this.#options.state.lostNumbers;
  }

  /** Writes the record, runs the handlers of the first event, and begins to consume. Resolves when it has. */
  async start(): Promise<void> {
    this.#changed();
    const begun = this.#gates.pass(async () => {
      // The record of this epoch precedes everything that other sites can see.
      this.#commits.write();
      if (this.durability.type === "message") await this.#commits.settled();
      this.#started = true;
      await this.halt.begin();
    });
    this.context.atTurnEnd(this);
    await begun;
    this.context.turn(() => this.touch());
  }

  /** Segments for the mailbox arrive. */
  arrived(from: SiteInstance, frame: Extract<Frame, { type: "append" }>): void {
    this.#gate.arrived(from, frame);
  }

  /** A source that lost its numbers asks where to continue. Undefined: no answer from here. */
  resync(from: SiteInstance, source: EndpointId, sourceEpoch: number): number | undefined {
    if (this.#frozen || this.#closed) return undefined;
    return this.#pairs.resync(from, source, sourceEpoch);
  }

  /** Changes the agents between two messages, by what `task` resolves to. Resolves when the record has it. */
  async change(task: () => Promise<Effects>): Promise<void> {
    await this.#gates.pass(async () => {
      const effects = await task();
      this.context.turn(() => {
        if (this.#applyChange(effects)) this.#changed();
      });
    });
    await this.#commits.settled();
  }

  /** Lets the current message end and runs `task`; nothing runs here afterwards. */
  end(task: () => Promise<Effects>): Promise<void> {
    return this.#gates.pass(async () => {
      const effects = await task();
      this.context.turn(() => this.#applyChange(effects));
      this.#frozen = true;
    });
  }

  /** Sends messages while a handler runs; not undone when it fails. @returns the number of the last one */
  sendAtOnce(
    to: { readonly target: EndpointId; readonly targetName: string },
    payloads: readonly Uint8Array[],
    options: { readonly chain: readonly EndpointId[]; readonly waiter: ReplyWaiter },
  ): number {
    return this.context.turn(() => {
      let seq = 0;
      payloads.forEach((payload, index) => {
        seq = this.send(to, payload, index === payloads.length - 1 ? options : {});
      });
      this.#changed();
      return seq;
    });
  }

  /** Runs the handlers of an event between two messages. Resolves when they have ended, or the event must wait. */
  tell(event: LifecycleEvent): Promise<void> {
    return this.#events.tell(event);
  }

  /**
   * Lets the current message end, runs the departure handlers, and stops. Resolves to the state; undefined when
   * `cancelled` returned true meanwhile.
   *
   * @param retryMs how long departure handlers that fail are retried
   */
  async freeze(
    to: string,
    cancelled: () => boolean,
    retryMs: number = LIMITS.departureRetryMsMax,
  ): Promise<Uint8Array | undefined> {
    return await this.#gates.pass(async () => {
      if (cancelled()) return undefined;
      let failures: readonly EventFailure[] = [];
      await this.#eventRunner.notify({ type: "departure", to }, (effects) => {
        failures = effects.failures ?? [];
      });
      await this.#events.retryDeparture(failures, retryMs, () => cancelled() || this.#closed);
      // The record may be older: no other site has seen what it lacks, and the target writes it before any can.
      if (cancelled() || this.#closed) return undefined;
      this.#frozen = true;
      return encodeState(this.state());
    });
  }

  /** Continues here: the move did not happen. */
  thaw(): void {
    this.#frozen = false;
    this.touch();
  }

  /** The site holds its lease again, or a window has room. */
  override touch(): void {
    super.touch();
    if (!this.#frozen) this.#pairs.touch();
    this.context.atTurnEnd(this);
  }

  override windowMoved(window: Parameters<Endpoint["windowMoved"]>[0]): void {
    super.windowMoved(window);
    if (this.#scheduler.waitsForRoom) this.context.atTurnEnd(this);
  }

  override gone(target: EndpointId, error: MeanderError): void {
    super.gone(target, error);
    this.#pairs.delete(target);
  }

  protected override sendingChanged(): void {
    this.#changed();
  }

  /** The site's lease has expired: what runs ends, what has not begun waits. */
  interrupt(): void {
    this.#runner.interrupt();
  }

  /** Forgets shells that have sent nothing since that time. */
  prune(olderThan: number): void {
    const error = new MeanderError("endpoint-gone", "nothing was heard of the shell for long");
    // A shell that still waited for a reply would have asked for it.
    for (const id of this.#pairs.prune(olderThan)) this.gone(-id, error);
  }

  override close(error: MeanderError): void {
    this.#closed = true;
    this.#runner.close();
    this.#trouble.close();
    this.#commits.close();
    this.#timers.close();
    this.#events.close();
    super.close(error);
    this.consumer.close();
    this.#gates.close();
  }

  state(): StreamState {
    return {
      inbound: this.#pairs.states(),
      replies: this.replyPairStates(),
      outbound: this.windowStates(),
      unresolved: this.unresolvedStates(),
      consumer: this.consumer.snapshot(),
      timers: this.#timers.state(),
      deadLetters: this.#deadLetters.all,
      trouble: this.#trouble.state,
      suspects: this.#suspects.all,
      ...this.#events.state(),
      lostNumbers: this.#options.state.lostNumbers,
    };
  }

  /** Runs what has arrived, and writes the record. */
  endTurn(): void {
    if (!this.#closed && this.#scheduler.work()) this.#commits.write();
  }

  /** The messages that wait, in order; at most `count`. */
  mailbox(count: number): readonly WaitingMessage[] {
    return waitingMessages(this.name, [...this.#runner.next, ...this.#mailbox.entries], count);
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters.all;
  }

  get pairs(): ReadonlyMap<EndpointId, ReceivePair> {
    return this.#pairs.all;
  }

  get sendWindows(): Endpoint["windows"] {
    return this.windows;
  }

  #received(arrival: Arrival): void {
    const { source } = arrival.pair;
    this.#mailbox.arrived(arrival, this.#trouble.attemptOf({ source, seq: arrival.seq }));
  }

  /** False: the stream has left, and the change is void. */
  #applyChange(effects: Effects): boolean {
    if (this.#closed) return false;
    this.#apply(effects);
    this.#events.failed(effects.failures ?? []);
    return true;
  }

  #apply({ appends, timers, relocate }: Effects): void {
    for (const append of appends) this.append(append);
    for (const timer of timers) this.#timers.set(timer);
    if (relocate !== undefined)
      this.context.emit({ type: "relocate", stream: this.name, to: relocate });
  }

  #changed(): void {
    this.#commits.changed();
    this.context.atTurnEnd(this);
  }

  #count(reason: string, times = 1): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + times;
    this.context.count(reason, times);
  }
}
