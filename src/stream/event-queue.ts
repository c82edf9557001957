import { type Cancel, type Clock, LIMITS } from "../base/index.ts";
import type {
  Effects,
  EventCall,
  EventFailure,
  FailureAction,
  Fault,
  LifecycleEvent,
} from "./consumer.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { EventRunner } from "./event-runner.ts";
import { reasonWith } from "./executor-death.ts";
import type { Gates } from "./gates.ts";
import { EVENT_SOURCE, formatMessageName } from "./model.ts";
import {
  callOf,
  type Entry,
  type Failed,
  type History,
  historyWith,
  NEW,
  sourceNameOf,
  stateOf,
  type Told,
  triesOf,
} from "./queued-event.ts";
import type { StreamContext } from "./stream-context.ts";
import type { DeadLetter, EventState } from "./stream-state.ts";

/** What an {@link EventQueue} uses of its stream. */
export interface EventQueuePorts {
  readonly stream: StreamContext;
  readonly gates: Pick<Gates, "pass">;
  readonly deadLetters: DeadLetters;
  readonly runner: EventRunner;
  /** Whether no event may be told now. */
  isHalted(): boolean;
}

/**
 * The events of a stream that its agents have not handled yet, in order: told between two messages, and tried again, as
 * messages are, when a handler fails (docs/spec/streams.md [M13]).
 */
export class EventQueue {
  readonly #ports: EventQueuePorts;
  readonly #stream: StreamContext;
  readonly #clock: Clock;
  readonly #entries: Entry[] = [];
  #lastSeq: number;
  /** The pause before the first entry is tried again. */
  #pause: Cancel | undefined;
  /** The record does not have yet that an executor ended. */
  #isUnrecorded = false;
  /** Gates that were asked for, and have not been passed. */
  #pending = 0;
  #closed = false;

  /** @param state what travelled with the stream; told from {@link resume} on */
  constructor(
    ports: EventQueuePorts,
    state: { readonly events: readonly EventState[]; readonly lastEvent: number },
  ) {
    this.#ports = ports;
    this.#stream = ports.stream;
    this.#clock = ports.stream.clock;
    this.#lastSeq = state.lastEvent;
    const readyAt = this.#clock.now();
    for (const each of state.events) {
      if (each.type === "told") this.#entries.push({ ...each, waited: true });
      else this.#entries.push({ ...each, readyAt, letter: undefined });
    }
  }

  /** Whether messages wait: an event is tried again, or has halted the stream. */
  get blocks(): boolean {
    const [first] = this.#entries;
    return first?.type === "failed" && first.letter === undefined;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Timers that have run out, and wait to be told. */
  get timerCount(): number {
    return this.#entries.filter((entry) => entry.type === "told" && entry.event.type === "timer")
      .length;
  }

  /** What is tried again, or halts the stream. */
  get trouble(): EventState | undefined {
    const [first] = this.#entries;
    return this.blocks && first !== undefined ? stateOf(first) : undefined;
  }

  state(): { events: EventState[]; lastEvent: number } {
    // A dead letter that is played again is one still.
    const entries = this.#entries.filter((entry) => entry.type === "told" || !entry.letter);
    return { events: entries.map(stateOf), lastEvent: this.#lastSeq };
  }

  /**
   * Tells the agents, between two messages. Settles when their handlers have ended, or when the event waits behind one
   * that failed.
   */
  tell(event: LifecycleEvent): Promise<void> {
    // What timers there are is bounded where they are set.
    if (event.type !== "timer" && this.#entries.length >= LIMITS.streamEventsMax) {
      this.#stream.count("events-full");
      return Promise.resolve();
    }
    this.#entries.push({ type: "told", event, waited: false });
    return this.#work();
  }

  /** Goes on with what travelled here. */
  resume(): void {
    if (this.#ports.isHalted()) return;
    const [first] = this.#entries;
    if (first?.type === "told") this.#workLater();
    else this.#arm();
  }

  /**
   * Handlers of an event failed that was told outside of this queue: they are tried again behind those that failed
   * before.
   */
  failed(failures: readonly EventFailure[]): void {
    for (const failure of failures) this.#failed(failure, NEW, ++this.#lastSeq);
    if (failures.length > 0) this.#arm();
  }

  /**
   * Tries the departure handlers that failed again, for a while: a move does not wait longer, nor halt. Those that go
   * on to fail become dead letters.
   *
   * @param isOver nothing of it matters any more
   */
  async retryDeparture(
    failures: readonly EventFailure[],
    retryMs: number,
    isOver: () => boolean,
  ): Promise<void> {
    const until = this.#clock.now() + retryMs;
    for (const first of failures) {
      const seq = ++this.#lastSeq;
      let failure: EventFailure | undefined = first;
      let before = NEW;
      while (failure !== undefined) {
        const { call, then }: EventFailure = failure;
        if (then.type !== "retry" || this.#clock.now() + then.afterMs > until) {
          this.#failed(failure, before, seq, { isLast: true });
          break;
        }
        before = historyWith(before, failure, this.#stream);
        this.#tellFailure(failure, then, before.attempts, seq);
        await this.#passes(then.afterMs);
        if (isOver()) return;
        let again: EventFailure | undefined;
        await this.#ports.runner.recall(call, triesOf(before), (effects) => {
          [again] = effects.failures ?? [];
        });
        if (isOver()) return;
        failure = again;
      }
    }
  }

  /** A person's word on the event that halted the stream. False: none of that number did. */
  settleHalt(seq: number, skip: boolean, edited: Uint8Array | undefined): boolean {
    const index = this.#entries.findIndex(
      (entry) => entry.type === "failed" && entry.seq === seq && entry.halted,
    );
    const entry = this.#entries[index];
    if (entry?.type !== "failed") return false;
    if (skip) {
      this.#entries.splice(index, 1);
      this.#skipped(entry.call, seq, "skipped by an operator");
    } else {
      const call = edited === undefined ? entry.call : { ...entry.call, argument: edited };
      this.#entries[index] = { ...entry, call, halted: false, readyAt: this.#clock.now() };
    }
    this.#stream.changed();
    this.#arm();
    return true;
  }

  /** Tries a dead letter that was an event again, behind what waits. False: it was none. */
  replay(letter: DeadLetter, edited: Uint8Array | undefined): boolean {
    const { seq, fault } = letter;
    const was = callOf(letter);
    if (was === undefined) return false;
    const call = edited === undefined ? was : { ...was, argument: edited };
    const readyAt = this.#clock.now();
    const entry = { type: "failed", call, seq, fault, halted: false, readyAt } as const;
    const { attempts, deaths } = letter;
    this.#entries.push({ ...entry, attempts, deaths, spared: 0, letter });
    this.#arm();
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#pause?.();
    this.#pause = undefined;
  }

  /** The first entry, if it may be told now, in its turn between messages. */
  async #work(): Promise<void> {
    this.#pending++;
    let isPassed = false;
    const pass = (): void => {
      if (!isPassed) this.#pending--;
      isPassed = true;
    };
    try {
      await this.#ports.gates.pass(async () => {
        pass();
        await this.#first();
      });
    } finally {
      pass();
    }
  }

  #workLater(): void {
    this.#work().catch(() => {
      // The stream has left: what waits has travelled, and is told there.
    });
  }

  async #first(): Promise<void> {
    const [entry] = this.#entries;
    if (entry === undefined || this.#pause !== undefined || this.#isUnrecorded) return;
    if (this.#ports.isHalted()) return;
    if (entry.type === "told") {
      await this.#ports.runner.notify(entry.event, (effects) => this.#told(entry, effects));
    } else if (!entry.halted && entry.readyAt <= this.#clock.now()) {
      const tries = triesOf(entry);
      await this.#ports.runner.recall(entry.call, tries, (effects) => this.#again(entry, effects));
    }
    if (this.#closed) return;
    const [next] = this.#entries;
    if (next?.type === "failed") this.#arm();
    else if (next !== undefined && this.#pending === 0) this.#workLater();
  }

  #told(entry: Told, { failures = [] }: Effects): void {
    this.#remove(entry);
    for (const failure of failures) this.#failed(failure, NEW, ++this.#lastSeq);
    // A timer is gone, together with what its handler did.
    if (entry.event.type === "timer" || entry.waited) this.#stream.changed();
  }

  #again(entry: Failed, { failures = [] }: Effects): void {
    this.#remove(entry);
    if (entry.letter !== undefined) this.#ports.deadLetters.remove(entry.letter);
    for (const failure of failures) this.#failed(failure, entry, entry.seq, { of: entry });
    this.#stream.changed();
  }

  #remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index >= 0) this.#entries.splice(index, 1);
  }

  /** @param of what was tried again @param isLast it is tried no more */
  #failed(
    failure: EventFailure,
    before: History,
    seq: number,
    { of, isLast = false }: { readonly of?: Failed; readonly isLast?: boolean } = {},
  ): void {
    const { call, fault } = failure;
    const then = this.#verdictOn(failure.then, of?.letter, isLast);
    const history = historyWith(before, failure, this.#stream);
    this.#tellFailure(failure, then, history.attempts, seq);
    switch (then.type) {
      case "retry":
      case "halt": {
        const halted = then.type === "halt";
        const readyAt = this.#clock.now() + (then.type === "retry" ? then.afterMs : 0);
        const index = of !== undefined ? 0 : this.#entries.findIndex(({ type }) => type === "told");
        const entry = { type: "failed", call, seq, fault, halted, readyAt } as const;
        this.#entries.splice(index < 0 ? this.#entries.length : index, 0, {
          ...{ ...entry, attempts: history.attempts, spared: history.spared },
          ...{ deaths: history.deaths, letter: undefined },
        });
        for (const each of this.#entries) if (each.type === "told") each.waited = true;
        break;
      }
      case "skip":
        this.#skipped(call, seq, fault.message);
        break;
      case "dead-letter":
        this.#bury(call, seq, history, fault);
        break;
    }
    this.#stream.changed();
    if (fault.endedExecutor === true) this.#record();
  }

  /** Before anything is tried again, the record has what has happened. */
  #record(): void {
    this.#isUnrecorded = true;
    void this.#stream.settled().then(() => {
      this.#isUnrecorded = false;
      if (!this.#closed) this.resume();
    });
  }

  #verdictOn(then: FailureAction, letter: DeadLetter | undefined, isLast: boolean): FailureAction {
    const isOver = isLast && then.type === "retry";
    // One that is played again stays what it is, and holds nothing up.
    if (isOver || (letter !== undefined && then.type === "halt")) return { type: "dead-letter" };
    const isFull = letter === undefined && this.#ports.deadLetters.isFull;
    return then.type === "dead-letter" && isFull ? { type: "halt" } : then;
  }

  #tellFailure(
    { call, fault }: EventFailure,
    then: FailureAction,
    attempt: number,
    seq: number,
  ): void {
    const stream = this.#stream.name;
    this.#stream.count("failed");
    this.#stream.emit({
      type: "failed",
      stream,
      message: this.#idOf(call, seq),
      attempt,
      fault,
      // biome-ignore lint/suspicious/noThenProperty: events are never awaited
      then: then.type,
    });
  }

  #skipped(call: EventCall, seq: number, reason: string): void {
    this.#stream.count("skipped");
    const { name: stream } = this.#stream;
    this.#stream.emit({ type: "discarded", stream, message: this.#idOf(call, seq), reason });
  }

  #bury(call: EventCall, seq: number, { attempts, deaths }: History, fault: Fault): void {
    this.#stream.count("dead-lettered");
    const { name: stream } = this.#stream;
    const message = this.#idOf(call, seq);
    const reason = reasonWith(deaths, fault);
    this.#stream.emit({ type: "dead-lettered", stream, message, reason });
    const sourceName = sourceNameOf(call);
    const payload = call.argument;
    const letter = { source: EVENT_SOURCE, sourceName, seq, attempts, fault, deaths, payload };
    this.#ports.deadLetters.add(letter);
  }

  /** Waits until the first entry may be tried again. */
  #arm(): void {
    const [first] = this.#entries;
    if (first?.type !== "failed" || first.halted || this.#pause !== undefined) return;
    if (this.#isUnrecorded) return;
    const leftMs = Math.max(0, first.readyAt - this.#clock.now());
    if (leftMs === 0) {
      if (this.#pending === 0) this.#workLater();
      return;
    }
    this.#pause = this.#clock.after("retry", leftMs, () => {
      this.#pause = undefined;
      this.#workLater();
    });
  }

  #passes(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after("retry", ms, resolve));
  }

  #idOf(call: EventCall, seq: number): string {
    return formatMessageName({ from: sourceNameOf(call), to: this.#stream.name, seq });
  }
}
