import { type Cancel, LIMITS, MeanderError } from "../base/index.ts";
import type {
  Consumer,
  Delivery,
  Effects,
  EventFailure,
  FailureAction,
  Fault,
  LifecycleEvent,
  Outcome,
} from "./consumer.ts";
import { Endpoint } from "./endpoint.ts";
import { EventQueue, sourceNameOf } from "./event-queue.ts";
import type { Frame } from "./frames.ts";
import { Journal, type JournalEntry } from "./journal.ts";
import type { KernelContext } from "./kernel-context.ts";
import {
  type Durability,
  type EndpointId,
  EVENT_SOURCE,
  formatMessageName,
  isStream,
  type SiteInstance,
} from "./model.ts";
import { type Arrival, type PairOwner, ReceivePair } from "./receive-pair.ts";
import type { ReplyWaiter } from "./send-window.ts";
import { type DeadLetter, encodeState, type StreamState, type Trouble } from "./stream-state.ts";

/** What a kernel is told of a stream that comes to its site. */
export interface ResidentOptions {
  readonly id: EndpointId;
  readonly name: string;
  readonly streamEpoch: number;
  readonly durability: Durability;
  readonly consumer: Consumer;
  readonly state: StreamState;
  /** Keeps the record. Rejects with `record-fenced` when a higher epoch is kept. */
  readonly keep: (state: Uint8Array) => Promise<void>;
  /** What its agents are told before the first message. */
  readonly first: LifecycleEvent | undefined;
  /** Why a sender may not append; undefined: it may. */
  readonly denies: (senderName: string) => string | undefined;
}

/** A message in the mailbox. */
interface Entry {
  readonly source: EndpointId;
  readonly sourceName: string;
  readonly first: number;
  readonly seq: number;
  readonly payload: Uint8Array;
  readonly chain: readonly EndpointId[];
  readonly wantsReply: boolean;
  /** Undefined for a dead letter that is played again. */
  readonly pair: ReceivePair | undefined;
  readonly letter: DeadLetter | undefined;
  readonly attempt: number;
}

interface Batch {
  readonly entries: readonly Entry[];
  startedAt: number;
  done: number;
  /** Entries that go back to the mailbox. */
  readonly back: Entry[];
}

/** Something that is done between two messages. */
type Gate = (end: () => void) => void;

/** Batches of small streams: more would only hold other work up. */
const BATCH_MAX = 64;

/**
 * A stream at this site: its mailbox, what runs, and what it has sent. Configuration changes and events are done between messages, one at a
 * time (docs/spec/streams.md [M3], [M4]).
 */
export class Resident extends Endpoint implements PairOwner {
  readonly streamEpoch: number;
  readonly durability: Durability;
  readonly consumer: Consumer;
  readonly counts: Record<string, number> = {};
  readonly #options: ResidentOptions;
  readonly #pairs = new Map<EndpointId, ReceivePair>();
  readonly #mailbox: Entry[] = [];
  #mailboxBytes = 0;
  readonly #gates: Gate[] = [];
  #gated = false;
  #batch: Batch | undefined;
  #working = false;
  #started = false;
  #frozen = false;
  #closed = false;
  #trouble: Trouble | undefined;
  #retryTimer: Cancel | undefined;
  /** What a person said of the message that halted the stream. */
  #verdict:
    | {
        readonly source: EndpointId;
        readonly seq: number;
        readonly skip: boolean;
        readonly edited: Uint8Array | undefined;
      }
    | undefined;
  readonly #deadLetters: DeadLetter[];
  readonly #events: EventQueue;
  readonly #timers = new Set<{
    readonly agent: string;
    readonly at: number;
    readonly payload: Uint8Array;
    cancel: Cancel;
  }>();
  readonly #journal: Journal | undefined;
  readonly #lostNumbers: boolean;
  #sinceCheckpoint = 0;
  #waitsForRoom = false;

  constructor(context: KernelContext, options: ResidentOptions) {
    super(context, options.id, options.name);
    this.#options = options;
    const { streamEpoch, durability, consumer, state } = options;
    this.streamEpoch = streamEpoch;
    this.durability = durability;
    this.consumer = consumer;
    this.#lostNumbers = state.lostNumbers;
    this.#deadLetters = [...state.deadLetters];
    this.#trouble = state.trouble;
    this.#events = this.#eventQueue(state);
    if (durability.type !== "none") {
      this.#journal = new Journal(context, {
        take: () => this.#journalEntry(),
        put: options.keep,
        fenced: () => context.emit({ type: "superseded", stream: this.name, id: this.id }),
      });
    }
    this.adoptSender(state.outbound, state.replies, state.unresolved);
    for (const pair of state.inbound) {
      this.#pairs.set(pair.source, new ReceivePair(context, this, pair));
      if (!isStream(pair.source)) context.locations.setOther(pair.source, pair.siteInstance);
    }
    for (const pair of state.replies)
      if (!isStream(pair.source)) context.locations.setOther(pair.source, pair.siteInstance);
    for (const { agent, delayMs, payload } of state.timers) this.#setTimer(agent, delayMs, payload);
  }

  get address(): EndpointId {
    return this.id;
  }

  get maySend(): boolean {
    return this.#started && !this.#frozen && !this.#closed && this.context.leaseHolds();
  }

  get room(): number {
    if (this.#mailbox.length >= LIMITS.mailboxMessagesMax) return 0;
    return LIMITS.mailboxBytesMax - this.#mailboxBytes;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** Whether its record is as new as it is; without one always. */
  get isSettled(): boolean {
    return this.#journal?.isIdle ?? true;
  }

  get waiting(): number {
    return this.#mailbox.length;
  }

  /** Whether its agents have handled all events, as far as they can. */
  get hasEvents(): boolean {
    return !this.#events.isEmpty;
  }

  protected override get holdsBack(): boolean {
    return this.#options.durability.type === "message";
  }

  protected override get lostNumbers(): boolean {
    return this.#lostNumbers;
  }

  /** Keeps the record at its new place, tells the agents of the arrival, and begins. Settles when it has. */
  async start(): Promise<void> {
    const { first } = this.#options;
    this.#changed();
    const begun = this.#gate(async () => {
      // A record of this epoch comes before anything that others can see.
      this.#journal?.write();
      if (this.durability.type === "message") await this.#journal?.settled();
      this.#started = true;
      if (first !== undefined) await this.#notify(first);
      this.#events.resume();
    });
    this.context.atTurnEnd(this);
    await begun;
    this.context.turn(() => this.#wake());
  }

  /** Something came for the mailbox. */
  arrived(from: SiteInstance, frame: Extract<Frame, { type: "append" }>): void {
    if (this.#frozen || this.#closed) {
      this.context.count("frozen");
      return;
    }
    let pair = this.#pairs.get(frame.source);
    const denied = this.#options.denies(frame.sourceName);
    if (denied !== undefined) {
      this.#refuse(from, frame, denied);
      return;
    }
    if (pair === undefined) {
      const { source, sourceName, sourceEpoch } = frame;
      pair = new ReceivePair(this.context, this, {
        source,
        sourceName,
        sourceEpoch,
        consumed: 0,
        siteInstance: from,
      });
      this.#pairs.set(source, pair);
    }
    pair.accept(from, frame, (arrival) => this.#take(arrival));
    this.context.atTurnEnd(this);
  }

  /** A source that lost its numbers asks. */
  resync(from: SiteInstance, source: EndpointId, sourceEpoch: number): number | undefined {
    if (this.#frozen || this.#closed) return undefined;
    return this.#pairs.has(source) ? this.#pairs.get(source)?.resync(from, sourceEpoch) : 0;
  }

  /** Changes the agents between two messages; what `task` gives is what their handlers did. */
  async change(task: () => Promise<Effects>): Promise<void> {
    await this.#gate(async () => {
      const effects = await task();
      this.context.turn(() => {
        if (this.#closed) return;
        this.#apply(effects);
        this.#events.failed(effects.failures ?? []);
        this.#changed();
      });
    });
    // Whoever asked is told when it holds, whatever happens to this site.
    await this.#journal?.settled();
  }

  /** Ends the current message and does `task`; nothing runs here afterwards. */
  end(task: () => Promise<Effects>): Promise<void> {
    return this.#gate(async () => {
      const effects = await task();
      this.context.turn(() => {
        if (this.#closed) return;
        this.#apply(effects);
        this.#events.failed(effects.failures ?? []);
      });
      this.#frozen = true;
    });
  }

  /** Sends messages out of a handler that still runs: they are not undone when it fails. @returns the last one's number */
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

  /** Tells the agents of an event, between two messages. Settles when their handlers have ended, or it waits behind one that failed. */
  tell(event: LifecycleEvent): Promise<void> {
    return this.#events.tell(event);
  }

  /**
   * Ends the current message, tells the agents that they leave, and stops. Undefined when `cancelled` says so meanwhile.
   *
   * @param retryMs how long departure handlers that fail may be tried again
   */
  async freeze(
    to: string,
    cancelled: () => boolean,
    retryMs: number = LIMITS.departureRetryMsMax,
  ): Promise<Uint8Array | undefined> {
    return await this.#gate(async () => {
      if (cancelled()) return undefined;
      let failures: readonly EventFailure[] = [];
      await this.#runEvent(
        (end) => this.consumer.notify({ type: "departure", to }, end),
        (effects) => {
          failures = effects.failures ?? [];
        },
      );
      await this.#events.retryDeparture(failures, retryMs, () => cancelled() || this.#closed);
      // Its record need not be as new: what is not kept was not told to anybody, and the target keeps all before it tells.
      if (cancelled() || this.#closed) return undefined;
      this.#frozen = true;
      return encodeState(this.state());
    });
  }

  /** Goes on here after all. */
  thaw(): void {
    this.#frozen = false;
    this.touch();
    for (const pair of this.#pairs.values()) this.context.atTurnEnd(pair);
    this.context.atTurnEnd(this);
  }

  /** A person's word on the message that halted the stream. False: none did. */
  settleHalt(
    seq: { readonly source: EndpointId; readonly seq: number },
    skip: boolean,
    edited: Uint8Array | undefined,
  ): boolean {
    if (seq.source === EVENT_SOURCE) return this.#events.settleHalt(seq.seq, skip, edited);
    const trouble = this.#trouble;
    if (trouble?.halted !== true || trouble.source !== seq.source || trouble.seq !== seq.seq)
      return false;
    this.#verdict = { source: seq.source, seq: seq.seq, skip, edited };
    this.#trouble = undefined;
    this.#changed();
    this.context.atTurnEnd(this);
    return true;
  }

  /** Plays a dead letter again, behind what waits. Or removes it. False: there is none of that name. */
  settleLetter(
    seq: { readonly source: EndpointId; readonly seq: number },
    skip: boolean,
    edited: Uint8Array | undefined,
  ): boolean {
    const index = this.#deadLetters.findIndex(
      (each) => each.source === seq.source && each.seq === seq.seq,
    );
    const letter = this.#deadLetters[index];
    if (letter === undefined) return false;
    if (skip) {
      this.#deadLetters.splice(index, 1);
      this.#changed();
    } else if (letter.source === EVENT_SOURCE) {
      return this.#events.replay(letter, edited);
    } else {
      const { source, sourceName } = letter;
      this.#push({
        source,
        sourceName,
        first: letter.seq,
        seq: letter.seq,
        payload: edited ?? letter.payload,
        chain: [],
        wantsReply: false,
        pair: undefined,
        letter,
        attempt: letter.attempts + 1,
      });
    }
    this.context.atTurnEnd(this);
    return true;
  }

  /** Its site's lease came back, or a window has room. */
  override touch(): void {
    super.touch();
    if (!this.#frozen) for (const pair of this.#pairs.values()) this.context.atTurnEnd(pair);
    this.context.atTurnEnd(this);
  }

  override windowMoved(window: Parameters<Endpoint["windowMoved"]>[0]): void {
    super.windowMoved(window);
    if (this.#waitsForRoom) this.context.atTurnEnd(this);
  }

  override gone(target: EndpointId, error: MeanderError): void {
    super.gone(target, error);
    this.#pairs.delete(target);
  }

  protected override sendingChanged(): void {
    this.#changed();
  }

  /** The site's lease has run out: what runs ends, what has not begun waits. */
  interrupt(): void {
    if (this.#batch !== undefined) this.consumer.interrupt();
  }

  /** Forgets shells that have been silent for long. */
  prune(olderThan: number): void {
    for (const [id, pair] of this.#pairs)
      if (!isStream(id) && pair.lastAt < olderThan && pair.consumed === pair.received) {
        this.#pairs.delete(id);
        // It would have asked for what it waits for.
        this.gone(
          -id,
          new MeanderError("endpoint-gone", "nothing was heard of the shell for long"),
        );
      }
  }

  override close(error: MeanderError): void {
    this.#closed = true;
    this.#retryTimer?.();
    this.#journal?.close();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#events.close();
    super.close(error);
    this.consumer.close();
    for (const gate of this.#gates.splice(0)) gate(() => {});
  }

  state(): StreamState {
    const now = this.context.clock.now();
    return {
      inbound: [...this.#pairs.values()].map((pair) => pair.state()),
      replies: this.replyPairStates(),
      outbound: this.windowStates(),
      unresolved: this.unresolvedStates(),
      consumer: this.consumer.snapshot(),
      timers: [...this.#timers].map(({ agent, at, payload }) => ({
        agent,
        delayMs: Math.max(0, at - now),
        payload,
      })),
      deadLetters: this.#deadLetters,
      trouble: this.#trouble,
      ...this.#events.state(),
      lostNumbers: this.#lostNumbers,
    };
  }

  /** Works off what has come. */
  endTurn(): void {
    if (this.#working || this.#closed) return;
    this.#working = true;
    try {
      while (this.#step()) {
        // Until something takes its time, or nothing is left.
      }
    } finally {
      this.#working = false;
    }
    this.#journal?.write();
  }

  /** For people: what is in the mailbox, in order. */
  mailbox(count: number): readonly { readonly id: string; readonly bytes: number }[] {
    const running =
      this.#batch === undefined ? [] : this.#batch.entries.slice(this.#batch.done + 1);
    return [...running, ...this.#mailbox]
      .slice(0, count)
      .map((entry) => ({ id: this.#nameOf(entry), bytes: entry.payload.byteLength }));
  }

  /** For people: the message that runs, is tried again, or halts. */
  current():
    | {
        id: string;
        attempt: number;
        state: "running" | "retrying" | "halted";
        forMs: number;
        error: string | undefined;
      }
    | undefined {
    const running = this.#batch?.entries[this.#batch.done];
    if (this.#batch !== undefined && running !== undefined) {
      const forMs = this.context.clock.now() - this.#batch.startedAt;
      return {
        id: this.#nameOf(running),
        attempt: running.attempt,
        state: "running",
        forMs,
        error: undefined,
      };
    }
    const event = this.#events.trouble;
    if (event?.type === "failed") {
      const { call, seq, attempts, fault, halted } = event;
      return {
        id: formatMessageName({ from: sourceNameOf(call), to: this.name, seq }),
        attempt: attempts,
        state: halted ? "halted" : "retrying",
        forMs: 0,
        error: fault.message,
      };
    }
    const trouble = this.#trouble;
    if (trouble === undefined) return undefined;
    const [next] = this.#mailbox;
    const isNext = next?.source === trouble.source && next.seq === trouble.seq;
    // Its sender may not have sent it again to this place yet.
    if (!trouble.halted && !isNext) return undefined;
    const sourceName = this.#pairs.get(trouble.source)?.sourceName ?? `${trouble.source}`;
    return {
      id: formatMessageName({ from: sourceName, to: this.name, seq: trouble.seq }),
      attempt: trouble.attempts,
      state: trouble.halted ? "halted" : "retrying",
      forMs: 0,
      error: trouble.fault.message,
    };
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  get pairs(): ReadonlyMap<EndpointId, ReceivePair> {
    return this.#pairs;
  }

  get sendWindows(): Endpoint["windows"] {
    return this.windows;
  }

  #take(arrival: Arrival): void {
    const { pair, first, seq, payload, chain, wantsReply } = arrival;
    const trouble = this.#trouble;
    const attempt =
      trouble?.source === pair.source && trouble.seq === seq ? trouble.attempts + 1 : 1;
    this.#push({
      source: pair.source,
      sourceName: pair.sourceName,
      first,
      seq,
      payload,
      chain,
      wantsReply,
      pair,
      letter: undefined,
      attempt,
    });
  }

  #push(entry: Entry): void {
    this.#mailbox.push(entry);
    this.#mailboxBytes += entry.payload.byteLength;
  }

  #refuse(from: SiteInstance, frame: Extract<Frame, { type: "append" }>, reason: string): void {
    this.#count("denied", frame.segments.length);
    this.context.send(from, {
      type: "refused",
      source: frame.source,
      target: this.id,
      targetEpoch: this.streamEpoch,
      code: "append-denied",
      message: reason,
    });
  }

  /** Begins what is next. True: it has ended already. */
  #step(): boolean {
    if (this.#batch !== undefined || this.#gated || this.#closed || this.#frozen) return false;
    // [M9] Timers and other events wait like messages.
    if (!this.context.leaseHolds()) return false;
    const gate = this.#gates.shift();
    if (gate !== undefined) {
      let isSync = true;
      let ended = false;
      this.#gated = true;
      gate(() => {
        this.#gated = false;
        ended = true;
        if (!isSync) this.context.turn(() => this.context.atTurnEnd(this));
      });
      isSync = false;
      return ended;
    }
    if (!this.#started || this.#mailbox.length === 0) return false;
    this.#waitsForRoom = this.isFull;
    const blocked =
      this.#trouble?.halted === true ||
      this.#retryTimer !== undefined ||
      this.#waitsForRoom ||
      this.#events.blocks;
    return !blocked && this.#run();
  }

  #run(): boolean {
    const most = Math.min(this.consumer.batchMax, BATCH_MAX);
    const entries = this.#mailbox.splice(0, this.#verdict === undefined ? most : 1);
    for (const entry of entries) this.#mailboxBytes -= entry.payload.byteLength;
    const [only] = entries;
    const verdict = this.#verdict;
    if (
      only !== undefined &&
      verdict !== undefined &&
      only.source === verdict.source &&
      only.seq === verdict.seq
    ) {
      this.#verdict = undefined;
      if (verdict.skip) {
        this.#skip(only, { code: "message-skipped", message: "it was skipped by hand", agent: "" });
        return true;
      }
      if (verdict.edited !== undefined) entries[0] = { ...only, payload: verdict.edited };
    }
    const batch: Batch = { entries, startedAt: this.context.clock.now(), done: 0, back: [] };
    this.#batch = batch;
    let isSync = true;
    /** They have effect in one turn. */
    let told: [index: number, outcome: Outcome][] = [];
    this.consumer.consume(
      entries.map(
        (entry): Delivery => ({
          from: entry.source,
          fromName: entry.sourceName,
          seq: entry.seq,
          attempt: entry.attempt,
          payload: entry.payload,
          chain: entry.chain,
        }),
      ),
      (index, outcome, more = false) => {
        if (isSync) return this.#ended(batch, index, outcome);
        told.push([index, outcome]);
        if (more) return;
        const all = told;
        told = [];
        this.context.turn(() => {
          for (const [each, its] of all) this.#ended(batch, each, its);
          this.context.atTurnEnd(this);
        });
      },
    );
    isSync = false;
    return this.#batch === undefined;
  }

  #ended(batch: Batch, index: number, outcome: Outcome): void {
    if (this.#batch !== batch || this.#closed) return;
    const entry = batch.entries[index] as Entry;
    batch.done = index + 1;
    if (outcome.type === "consumed") this.#commit(entry, outcome.effects, batch.startedAt);
    else if (outcome.type === "failed") this.#failed(entry, outcome, batch);
    else batch.back.push(entry);
    batch.startedAt = this.context.clock.now();
    if (batch.done < batch.entries.length) return;
    this.#batch = undefined;
    this.#mailbox.unshift(...batch.back);
    for (const each of batch.back) this.#mailboxBytes += each.payload.byteLength;
  }

  #commit(entry: Entry, effects: Effects, startedAt: number): void {
    const { context } = this;
    if (!effects.handled) this.#count("noHandler");
    this.#count("consumed");
    context.emit({
      type: "consumed",
      stream: this.name,
      message: this.#nameOf(entry),
      ms: context.clock.now() - startedAt,
      id: this.id,
      from: entry.source,
      first: entry.first,
      seq: entry.seq,
      replayed: entry.letter !== undefined,
    });
    this.#apply(effects);
    if (entry.wantsReply)
      this.reply(entry.source, entry.sourceName, entry.seq, { type: "done", value: effects.reply });
    this.#consumed(entry);
  }

  /** The message is over, one way or the other. */
  #consumed(entry: Entry): void {
    if (entry.letter !== undefined) {
      const index = this.#deadLetters.indexOf(entry.letter);
      if (index >= 0) this.#deadLetters.splice(index, 1);
    }
    const trouble = this.#trouble;
    if (trouble !== undefined && trouble.source === entry.source && trouble.seq === entry.seq)
      this.#trouble = undefined;
    entry.pair?.consumedUpTo(entry.seq);
    // With `message`, the sender is told once the record is kept.
    if (this.durability.type !== "message") entry.pair?.acknowledgeUpTo(entry.seq);
    if (this.durability.type !== "checkpoint") this.#changed();
    else if (++this.#sinceCheckpoint >= this.durability.every) {
      this.#sinceCheckpoint = 0;
      this.#changed();
    }
  }

  #failed(entry: Entry, outcome: Extract<Outcome, { type: "failed" }>, batch: Batch): void {
    const { fault } = outcome;
    const then = this.#verdictOn(entry, outcome.then);
    this.#count("failed");
    this.context.emit({
      type: "failed",
      stream: this.name,
      message: this.#nameOf(entry),
      attempt: entry.attempt,
      fault,
      // biome-ignore lint/suspicious/noThenProperty: nobody awaits an event
      then: then.type,
    });
    switch (then.type) {
      case "retry":
        this.#troubled(entry, fault, false);
        batch.back.push({ ...entry, attempt: entry.attempt + 1 });
        this.#retryTimer = this.context.clock.after("retry", then.afterMs, () => {
          this.#retryTimer = undefined;
          this.context.turn(() => this.context.atTurnEnd(this));
        });
        return;
      case "halt":
        this.#troubled(entry, fault, true);
        batch.back.push({ ...entry, attempt: entry.attempt + 1 });
        return;
      case "skip":
        this.#skip(entry, fault);
        return;
      case "dead-letter":
        this.#bury(entry, fault);
        return;
    }
  }

  #verdictOn({ letter }: Entry, then: FailureAction): FailureAction {
    // One that is played again stays what it is, and holds nothing up.
    if (letter !== undefined && then.type === "halt") return { type: "dead-letter" };
    const isFull = letter === undefined && this.#deadLetters.length >= LIMITS.deadLettersMax;
    return then.type === "dead-letter" && isFull ? { type: "halt" } : then;
  }

  #troubled(entry: Entry, fault: Fault, halted: boolean): void {
    this.#trouble = {
      source: entry.source,
      seq: entry.seq,
      attempts: entry.attempt,
      fault,
      halted,
    };
    this.#changed();
  }

  #skip(entry: Entry, fault: Fault): void {
    this.#count("skipped");
    this.context.emit({
      type: "discarded",
      stream: this.name,
      message: this.#nameOf(entry),
      reason: fault.message,
    });
    if (entry.wantsReply)
      this.reply(entry.source, entry.sourceName, entry.seq, { type: "failed", fault });
    this.#consumed(entry);
  }

  #bury(entry: Entry, fault: Fault): void {
    this.#count("dead-lettered");
    this.context.emit({
      type: "dead-lettered",
      stream: this.name,
      message: this.#nameOf(entry),
      reason: fault.message,
    });
    if (entry.wantsReply)
      this.reply(entry.source, entry.sourceName, entry.seq, { type: "failed", fault });
    const { source, sourceName, seq, payload, attempt } = entry;
    this.#consumed(entry);
    // It may stay for long: it must not hold the whole frame that it came in.
    this.#deadLetters.push({
      source,
      sourceName,
      seq,
      attempts: attempt,
      fault,
      payload: payload.slice(),
    });
    this.#changed();
  }

  #apply(effects: Effects): void {
    for (const append of effects.appends) this.append(append);
    for (const { agent, delayMs, payload } of effects.timers)
      this.#setTimer(agent, delayMs, payload);
    if (effects.relocate !== undefined)
      this.context.emit({ type: "relocate", stream: this.name, to: effects.relocate });
  }

  #setTimer(agent: string, delayMs: number, payload: Uint8Array): void {
    if (this.#timers.size + this.#events.timerCount >= LIMITS.streamTimersMax) {
      this.#count("timers-full");
      return;
    }
    const { clock } = this.context;
    const timer = { agent, at: clock.now() + delayMs, payload, cancel: (): void => {} };
    timer.cancel = clock.after("stream timer", delayMs, () => {
      this.#timers.delete(timer);
      this.#events.tell({ type: "timer", agent, payload }).catch(() => {
        // It moved meanwhile: the event travels.
      });
    });
    this.#timers.add(timer);
  }

  /** Tells the agents of an event that does not wait behind others. */
  async #notify(event: LifecycleEvent): Promise<void> {
    await this.#runEvent(
      (end) => this.consumer.notify(event, end),
      ({ failures = [] }) => this.#events.failed(failures),
    );
  }

  /** Runs handlers of an event. What they did takes effect in one turn, together with what `end` does. */
  #runEvent(
    run: (end: (effects: Effects) => void) => void,
    end: (effects: Effects) => void,
  ): Promise<void> {
    return new Promise((resolve) => {
      run((effects) =>
        this.context.turn(() => {
          if (!this.#closed) {
            end(effects);
            this.#apply(effects);
            if (effects.changed || effects.appends.length > 0 || effects.timers.length > 0)
              this.#changed();
            this.context.atTurnEnd(this);
          }
          resolve();
        }),
      );
    });
  }

  #eventQueue(state: StreamState): EventQueue {
    return new EventQueue(
      {
        name: this.name,
        gate: (task) => this.#gate(task),
        notify: (event, end) => this.#runEvent((done) => this.consumer.notify(event, done), end),
        recall: (call, attempt, end) =>
          this.#runEvent((done) => this.consumer.recall(call, attempt, done), end),
        changed: () => this.#changed(),
        count: (reason) => this.#count(reason),
        emit: (event) => this.context.emit(event),
        hasRoom: () => this.#deadLetters.length < LIMITS.deadLettersMax,
        bury: (letter) => void this.#deadLetters.push(letter),
        exhume: (letter) => {
          const index = this.#deadLetters.indexOf(letter);
          if (index >= 0) this.#deadLetters.splice(index, 1);
        },
      },
      this.context.clock,
      state,
    );
  }

  #gate<T>(task: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#gates.push((end) => {
        if (this.#closed) {
          reject(
            new MeanderError("stream-gone", "the stream is not at this site any more", {
              where: `stream ${this.name}`,
            }),
          );
          return end();
        }
        task().then(resolve, reject).finally(end);
      });
      // What runs ends; what has not begun waits.
      this.interrupt();
      this.context.turn(() => this.context.atTurnEnd(this));
    });
  }

  #wake(): void {
    this.touch();
  }

  #changed(): void {
    this.#journal?.changed();
    this.context.atTurnEnd(this);
  }

  #journalEntry(): JournalEntry {
    const state = encodeState(this.state());
    const pairs = [...this.#pairs.values()].map((pair) => [pair, pair.consumed] as const);
    // What is kept under numbers that are not the receiver's yet would be sent again under others.
    const windows = [...this.windows.values()]
      .filter((window) => !window.awaitsNumber)
      .map((window) => [window, window.next - 1] as const);
    return {
      state,
      kept: () => {
        for (const [pair, consumed] of pairs) pair.acknowledgeUpTo(consumed);
        for (const [window, last] of windows) window.release(last);
        this.context.atTurnEnd(this);
      },
    };
  }

  #nameOf(entry: Entry): string {
    return formatMessageName({ from: entry.sourceName, to: this.name, seq: entry.seq });
  }

  #count(reason: string, times = 1): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + times;
    this.context.count(reason, times);
  }
}
