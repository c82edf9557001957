import { MeanderError, messageOf } from "../base/index.ts";
import type { Consumer, Delivery, Effects, FailureAction, Fault, Outcome } from "./consumer.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Reply } from "./endpoint.ts";
import { deathOf, type ExecutorDeath, reasonWith } from "./executor-death.ts";
import type { Mailbox, MailboxEntry } from "./mailbox.ts";
import type { MessageTrouble } from "./message-trouble.ts";
import { formatMessageName } from "./model.ts";
import type { RunMarks } from "./run-mark.ts";
import type { StreamContext } from "./stream-context.ts";
import type { Suspects } from "./suspects.ts";

/** What a {@link MessageRunner} uses of its stream. */
export interface MessageRunnerPorts {
  readonly stream: StreamContext;
  readonly consumer: Consumer;
  readonly mailbox: Mailbox;
  readonly deadLetters: DeadLetters;
  readonly trouble: MessageTrouble;
  readonly suspects: Suspects;
  /** Notes what is about to run in the process of the site. */
  readonly marks: RunMarks | undefined;
  /** Whether anything may run: the stream is here, and its site's lease holds. */
  mayRun(): boolean;
  /** Applies what handlers did. */
  apply(effects: Effects): void;
  /** Tells a waiting sender how its message ended. */
  reply(to: MailboxEntry, reply: Reply): void;
  /** A message is consumed, or was given up. */
  consumed(entry: MailboxEntry): void;
}

interface Batch {
  readonly entries: readonly MailboxEntry[];
  startedAt: number;
  done: number;
  /** Entries that return to the mailbox. */
  readonly back: MailboxEntry[];
  /** They have been handed over. */
  hasBegun: boolean;
}

/** Larger batches would only delay other work. */
const BATCH_MAX = 64;
/** Pause before messages are tried again that could not be noted, ms. */
const MARK_AGAIN_MS = 1_000;

/**
 * Runs the append handlers for the messages of a mailbox, in batches, and does with those that fail what the error
 * policy says.
 */
export class MessageRunner {
  readonly #ports: MessageRunnerPorts;
  #batch: Batch | undefined;

  constructor(ports: MessageRunnerPorts) {
    this.#ports = ports;
  }

  get isBusy(): boolean {
    return this.#batch !== undefined;
  }

  /** What runs ends; the rest of the batch returns to the mailbox. */
  interrupt(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    if (batch.hasBegun) this.#ports.consumer.interrupt();
    else this.#giveBack(batch);
  }

  /** Whatever still runs has no effect. */
  close(): void {
    this.#batch = undefined;
  }

  /** Runs what is next in the mailbox. True: it has ended already. */
  run(): boolean {
    const { stream, consumer, mailbox, trouble, suspects, marks } = this.#ports;
    const entries = mailbox.shift(this.#batchSize());
    const [only] = entries;
    const verdict = only === undefined ? undefined : trouble.takeVerdict(only);
    if (only !== undefined && verdict !== undefined) {
      if (verdict.skip) {
        this.#skip(only, { code: "message-skipped", message: "skipped by an operator", agent: "" });
        return true;
      }
      if (verdict.edited !== undefined) entries[0] = { ...only, payload: verdict.edited };
    } else if (only !== undefined && only.letter === undefined && suspects.isPoison(only)) {
      this.#dontRun(only);
      return true;
    }
    const startedAt = stream.clock.now();
    const batch: Batch = { entries, startedAt, done: 0, back: [], hasBegun: false };
    this.#batch = batch;
    if (!consumer.sharesProcess || marks === undefined) return this.#begin(batch);
    return this.#note(batch, marks);
  }

  /** Begins the batch once it is noted what is in it. True: it has ended already. */
  #note(batch: Batch, marks: RunMarks): boolean {
    const { stream, mayRun } = this.#ports;
    let noted: Promise<void> | undefined;
    try {
      noted = marks.set(batch.entries, this.#ports.suspects.all);
    } catch (error) {
      this.#unnoted(batch, error);
      return true;
    }
    if (noted === undefined) return this.#begin(batch);
    noted.then(
      () =>
        stream.turn(() => {
          if (this.#batch !== batch) return;
          // [M9] The lease may have expired meanwhile.
          if (!mayRun()) this.#giveBack(batch);
          else if (this.#begin(batch)) stream.wake();
        }),
      (error: unknown) => stream.turn(() => this.#unnoted(batch, error)),
    );
    return false;
  }

  /** What would run if the site ended is not noted: it waits, and says why. */
  #unnoted(batch: Batch, error: unknown): void {
    const { stream, trouble } = this.#ports;
    const [first] = batch.entries;
    if (this.#batch !== batch || first === undefined) return;
    this.#giveBack(batch);
    const code = error instanceof MeanderError ? error.code : "mark-write-failed";
    const message = `it does not run, because that could not be noted: ${messageOf(error)}`;
    stream.count("unmarked");
    const fault = { code, message, agent: "" };
    trouble.retry({ ...first, attempt: first.attempt - 1 }, fault, MARK_AGAIN_MS);
  }

  #giveBack(batch: Batch): void {
    this.#batch = undefined;
    this.#ports.mailbox.unshift(batch.entries);
    this.#ports.stream.wake();
  }

  /** Hands the batch over. True: it has ended already. */
  #begin(batch: Batch): boolean {
    const { stream, consumer } = this.#ports;
    const { entries } = batch;
    batch.hasBegun = true;
    batch.startedAt = stream.clock.now();
    let isSync = true;
    /** They take effect in one turn. */
    let outcomes: [index: number, outcome: Outcome][] = [];
    const deliveries = entries.map((entry) => this.#deliveryOf(entry));
    consumer.consume(deliveries, (index, outcome, more = false) => {
      if (isSync) return this.#ended(batch, index, outcome);
      outcomes.push([index, outcome]);
      if (more) return;
      const all = outcomes;
      outcomes = [];
      stream.turn(() => {
        for (const [each, its] of all) this.#ended(batch, each, its);
        stream.wake();
      });
    });
    isSync = false;
    return this.#batch === undefined;
  }

  /** The message that runs, and for how long, ms. */
  get current(): { readonly entry: MailboxEntry; readonly forMs: number } | undefined {
    const entry = this.#batch?.entries[this.#batch.done];
    if (this.#batch === undefined || entry === undefined) return undefined;
    return { entry, forMs: this.#ports.stream.clock.now() - this.#batch.startedAt };
  }

  /** Messages of the batch behind the one that runs. */
  get next(): readonly MailboxEntry[] {
    return this.#batch?.entries.slice(this.#batch.done + 1) ?? [];
  }

  #ended(batch: Batch, index: number, outcome: Outcome): void {
    if (this.#batch !== batch) return;
    const { stream, mailbox } = this.#ports;
    const entry = batch.entries[index] as MailboxEntry;
    batch.done = index + 1;
    if (outcome.type === "consumed") this.#commit(entry, outcome.effects, batch.startedAt);
    else if (outcome.type === "failed") this.#failed(entry, outcome, batch);
    else batch.back.push(entry);
    batch.startedAt = stream.clock.now();
    if (batch.done < batch.entries.length) return;
    this.#batch = undefined;
    mailbox.unshift(batch.back);
  }

  #commit(entry: MailboxEntry, effects: Effects, startedAt: number): void {
    const { stream, apply, reply } = this.#ports;
    if (!effects.handled) stream.count("noHandler");
    stream.count("consumed");
    stream.emit({
      type: "consumed",
      stream: stream.name,
      message: this.#nameOf(entry),
      ms: stream.clock.now() - startedAt,
      id: stream.id,
      from: entry.source,
      first: entry.first,
      seq: entry.seq,
      replayed: entry.letter !== undefined,
    });
    apply(effects);
    if (entry.wantsReply) reply(entry, { type: "done", value: effects.reply });
    this.#over(entry);
  }

  #failed(entry: MailboxEntry, outcome: Extract<Outcome, { type: "failed" }>, batch: Batch): void {
    const { stream, trouble, suspects } = this.#ports;
    const { fault } = outcome;
    const then = this.#actionFor(entry, outcome.then);
    const isDeath = fault.endedExecutor === true;
    if (isDeath) suspects.died(entry, deathOf(fault, stream));
    stream.count("failed");
    stream.emit({
      type: "failed",
      stream: stream.name,
      message: this.#nameOf(entry),
      attempt: entry.attempt,
      fault,
      // biome-ignore lint/suspicious/noThenProperty: events are never awaited
      then: then.type,
    });
    switch (then.type) {
      case "retry":
        trouble.retry(entry, fault, then.afterMs, isDeath);
        batch.back.push({ ...entry, attempt: entry.attempt + 1 });
        return;
      case "halt":
        trouble.halt(entry, fault);
        batch.back.push({ ...entry, attempt: entry.attempt + 1 });
        return;
      case "skip":
        this.#skip(entry, fault);
        return;
      case "dead-letter":
        this.#setAside(entry, fault);
        return;
    }
  }

  #actionFor({ letter }: MailboxEntry, then: FailureAction): FailureAction {
    // A replayed dead letter never halts the stream: it remains a dead letter.
    if (letter !== undefined && then.type === "halt") return { type: "dead-letter" };
    const isFull = letter === undefined && this.#ports.deadLetters.isFull;
    return then.type === "dead-letter" && isFull ? { type: "halt" } : then;
  }

  /** It has ended as many executors as a message may, elsewhere or before this site was started again. */
  #dontRun(entry: MailboxEntry): void {
    const { mailbox, trouble, deadLetters, suspects } = this.#ports;
    const fault = poisonFault(suspects.deathsOf(entry));
    const last = { ...entry, attempt: Math.max(1, entry.attempt - 1) };
    if (deadLetters.isFull) {
      trouble.halt(last, fault);
      mailbox.unshift([entry]);
    } else this.#setAside(last, fault);
  }

  #skip(entry: MailboxEntry, fault: Fault): void {
    const { stream, reply } = this.#ports;
    stream.count("skipped");
    const message = this.#nameOf(entry);
    stream.emit({ type: "discarded", stream: stream.name, message, reason: fault.message });
    if (entry.wantsReply) reply(entry, { type: "failed", fault });
    this.#over(entry);
  }

  #setAside(entry: MailboxEntry, fault: Fault): void {
    const { stream, deadLetters, reply } = this.#ports;
    stream.count("dead-lettered");
    const message = this.#nameOf(entry);
    const deaths = this.#deathsOf(entry);
    const reason = reasonWith(deaths, fault);
    stream.emit({ type: "dead-lettered", stream: stream.name, message, reason });
    if (entry.wantsReply) reply(entry, { type: "failed", fault });
    const { source, sourceName, seq, payload, attempt } = entry;
    this.#over(entry);
    deadLetters.add({ source, sourceName, seq, attempts: attempt, fault, deaths, payload });
    stream.changed();
  }

  /** The message has ended, in whatever way. */
  #over(entry: MailboxEntry): void {
    const { deadLetters, trouble, suspects, consumed } = this.#ports;
    if (entry.letter !== undefined) deadLetters.remove(entry.letter);
    trouble.ended(entry);
    suspects.ended(entry);
    consumed(entry);
  }

  /** Messages to hand over at once: what an operator has decided about, and what ended an executor, alone. */
  #batchSize(): number {
    const { consumer, mailbox, trouble, suspects } = this.#ports;
    const most = trouble.hasVerdict ? 1 : Math.min(consumer.batchMax, BATCH_MAX);
    if (most === 1 || suspects.all.length === 0) return most;
    const first = mailbox.entries.slice(0, most).findIndex((entry) => suspects.has(entry));
    return first < 0 ? most : Math.max(1, first);
  }

  #deliveryOf(entry: MailboxEntry): Delivery {
    return {
      from: entry.source,
      fromName: entry.sourceName,
      seq: entry.seq,
      attempt: entry.attempt,
      deaths: this.#deathsOf(entry).length,
      payload: entry.payload,
      chain: entry.chain,
    };
  }

  /** Executors that ended while it ran, also before it became a dead letter. */
  #deathsOf(entry: MailboxEntry): readonly ExecutorDeath[] {
    return [...(entry.letter?.deaths ?? []), ...this.#ports.suspects.deathsOf(entry)];
  }

  #nameOf({ sourceName, seq }: MailboxEntry): string {
    return formatMessageName({ from: sourceName, to: this.#ports.stream.name, seq });
  }
}

function poisonFault(deaths: readonly ExecutorDeath[]): Fault {
  const reason = deaths.at(-1)?.reason ?? "";
  return { code: "executor-failed", message: reason, agent: "", endedExecutor: true };
}
