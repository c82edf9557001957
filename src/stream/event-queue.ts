import { type Cancel, type Clock, LIMITS } from "../base/index.ts";
import {
  type Effects,
  EVENT_HANDLERS,
  type EventCall,
  type EventFailure,
  type FailureAction,
  type Fault,
  type LifecycleEvent,
} from "./consumer.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { EventRunner } from "./event-runner.ts";
import type { Gates } from "./gates.ts";
import { EVENT_SOURCE, formatMessageName } from "./model.ts";
import type { StreamContext } from "./stream-context.ts";
import type { DeadLetter, EventState } from "./stream-state.ts";

/** What an {@link EventQueue} uses of its stream. */
export interface EventQueuePorts {
  readonly stream: StreamContext;
  readonly gates: Pick<Gates, "pass">;
  readonly deadLetters: DeadLetters;
  readonly runner: EventRunner;
}

/** An event that no handler has been told of. */
interface Told {
  readonly type: "told";
  readonly event: LifecycleEvent;
  /** It waited behind one that failed, so that a record may have it. */
  waited: boolean;
}

/** A handler that failed. */
interface Failed {
  readonly type: "failed";
  readonly call: EventCall;
  readonly seq: number;
  readonly attempts: number;
  readonly fault: Fault;
  readonly halted: boolean;
  /** On the clock, ms. */
  readonly readyAt: number;
  /** The dead letter that it is. */
  readonly letter: DeadLetter | undefined;
}

type Entry = Told | Failed;

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
    const [first] = this.#entries;
    if (first?.type === "told") this.#workLater();
    else this.#arm();
  }

  /**
   * Handlers of an event failed that was told outside of this queue: they are tried again behind those that failed
   * before.
   */
  failed(failures: readonly EventFailure[]): void {
    for (const failure of failures) this.#failed(failure, 1, ++this.#lastSeq);
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
      for (let attempt = 1; failure !== undefined; attempt++) {
        const { call, then }: EventFailure = failure;
        if (then.type !== "retry" || this.#clock.now() + then.afterMs > until) {
          this.#failed(failure, attempt, seq, { isLast: true });
          break;
        }
        this.#tellFailure(failure, then, attempt, seq);
        await this.#passes(then.afterMs);
        if (isOver()) return;
        let again: EventFailure | undefined;
        await this.#ports.runner.recall(call, attempt + 1, (effects) => {
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
    const { seq, attempts, fault } = letter;
    const was = callOf(letter);
    if (was === undefined) return false;
    const call = edited === undefined ? was : { ...was, argument: edited };
    const readyAt = this.#clock.now();
    const entry = { type: "failed", call, seq, attempts, fault, halted: false, readyAt } as const;
    this.#entries.push({ ...entry, letter });
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
    if (entry === undefined || this.#pause !== undefined) return;
    if (entry.type === "told") {
      await this.#ports.runner.notify(entry.event, (effects) => this.#told(entry, effects));
    } else if (!entry.halted && entry.readyAt <= this.#clock.now()) {
      const { call, attempts } = entry;
      await this.#ports.runner.recall(call, attempts + 1, (effects) => this.#again(entry, effects));
    }
    if (this.#closed) return;
    const [next] = this.#entries;
    if (next?.type === "failed") this.#arm();
    else if (next !== undefined && this.#pending === 0) this.#workLater();
  }

  #told(entry: Told, { failures = [] }: Effects): void {
    this.#remove(entry);
    for (const failure of failures) this.#failed(failure, 1, ++this.#lastSeq);
    // A timer is gone, together with what its handler did.
    if (entry.event.type === "timer" || entry.waited) this.#stream.changed();
  }

  #again(entry: Failed, { failures = [] }: Effects): void {
    this.#remove(entry);
    if (entry.letter !== undefined) this.#ports.deadLetters.remove(entry.letter);
    for (const failure of failures)
      this.#failed(failure, entry.attempts + 1, entry.seq, { of: entry });
    this.#stream.changed();
  }

  #remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index >= 0) this.#entries.splice(index, 1);
  }

  /** @param of what was tried again @param isLast it is tried no more */
  #failed(
    failure: EventFailure,
    attempts: number,
    seq: number,
    { of, isLast = false }: { readonly of?: Failed; readonly isLast?: boolean } = {},
  ): void {
    const { call, fault } = failure;
    const then = this.#verdictOn(failure.then, of?.letter, isLast);
    this.#tellFailure(failure, then, attempts, seq);
    switch (then.type) {
      case "retry":
      case "halt": {
        const halted = then.type === "halt";
        const readyAt = this.#clock.now() + (then.type === "retry" ? then.afterMs : 0);
        const index = of !== undefined ? 0 : this.#entries.findIndex(({ type }) => type === "told");
        const entry = { type: "failed", call, seq, attempts, fault, halted, readyAt } as const;
        this.#entries.splice(index < 0 ? this.#entries.length : index, 0, {
          ...entry,
          letter: undefined,
        });
        for (const each of this.#entries) if (each.type === "told") each.waited = true;
        break;
      }
      case "skip":
        this.#skipped(call, seq, fault.message);
        break;
      case "dead-letter":
        this.#bury(call, seq, attempts, fault);
        break;
    }
    this.#stream.changed();
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

  #bury(call: EventCall, seq: number, attempts: number, fault: Fault): void {
    this.#stream.count("dead-lettered");
    const { name: stream } = this.#stream;
    const message = this.#idOf(call, seq);
    this.#stream.emit({ type: "dead-lettered", stream, message, reason: fault.message });
    const sourceName = sourceNameOf(call);
    const payload = call.argument;
    this.#ports.deadLetters.add({
      source: EVENT_SOURCE,
      sourceName,
      seq,
      attempts,
      fault,
      payload,
    });
  }

  /** Waits until the first entry may be tried again. */
  #arm(): void {
    const [first] = this.#entries;
    if (first?.type !== "failed" || first.halted || this.#pause !== undefined) return;
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

/** Who sent an event, so to say: `counter:timer` is the handler `timer` of the agent `counter`. */
export function sourceNameOf({ agent, handler }: Pick<EventCall, "agent" | "handler">): string {
  return `${agent}:${handler}`;
}

/** Undefined when the letter is no event. */
function callOf({ sourceName, payload }: DeadLetter): EventCall | undefined {
  const [agent = "", name] = sourceName.split(":");
  const handler = EVENT_HANDLERS.find((each) => each === name);
  return handler === undefined ? undefined : { agent, handler, argument: payload };
}

function stateOf(entry: Entry): EventState {
  if (entry.type === "told") return { type: "told", event: entry.event };
  const { type, call, seq, attempts, fault, halted } = entry;
  return { type, call, seq, attempts, fault, halted };
}
