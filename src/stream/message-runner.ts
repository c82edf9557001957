import type { Consumer, Delivery, Effects, FailureAction, Fault, Outcome } from "./consumer.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Reply } from "./endpoint.ts";
import type { Mailbox, MailboxEntry } from "./mailbox.ts";
import type { MessageTrouble } from "./message-trouble.ts";
import { formatMessageName } from "./model.ts";
import type { StreamContext } from "./stream-context.ts";

/** What a {@link MessageRunner} uses of its stream. */
export interface MessageRunnerPorts {
  readonly stream: StreamContext;
  readonly consumer: Consumer;
  readonly mailbox: Mailbox;
  readonly deadLetters: DeadLetters;
  readonly trouble: MessageTrouble;
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
}

/** Larger batches would only delay other work. */
const BATCH_MAX = 64;

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
    if (this.#batch !== undefined) this.#ports.consumer.interrupt();
  }

  /** Whatever still runs has no effect. */
  close(): void {
    this.#batch = undefined;
  }

  /** Runs what is next in the mailbox. True: it has ended already. */
  run(): boolean {
    const { stream, consumer, mailbox, trouble } = this.#ports;
    const entries = mailbox.shift(trouble.hasVerdict ? 1 : Math.min(consumer.batchMax, BATCH_MAX));
    const [only] = entries;
    const verdict = only === undefined ? undefined : trouble.takeVerdict(only);
    if (only !== undefined && verdict !== undefined) {
      if (verdict.skip) {
        this.#skip(only, { code: "message-skipped", message: "skipped by an operator", agent: "" });
        return true;
      }
      if (verdict.edited !== undefined) entries[0] = { ...only, payload: verdict.edited };
    }
    const batch: Batch = { entries, startedAt: stream.clock.now(), done: 0, back: [] };
    this.#batch = batch;
    let isSync = true;
    /** They take effect in one turn. */
    let outcomes: [index: number, outcome: Outcome][] = [];
    consumer.consume(entries.map(deliveryOf), (index, outcome, more = false) => {
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
    const { stream, trouble } = this.#ports;
    const { fault } = outcome;
    const then = this.#actionFor(entry, outcome.then);
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
        trouble.retry(entry, fault, then.afterMs);
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
    stream.emit({ type: "dead-lettered", stream: stream.name, message, reason: fault.message });
    if (entry.wantsReply) reply(entry, { type: "failed", fault });
    const { source, sourceName, seq, payload, attempt } = entry;
    this.#over(entry);
    deadLetters.add({ source, sourceName, seq, attempts: attempt, fault, payload });
    stream.changed();
  }

  /** The message has ended, in whatever way. */
  #over(entry: MailboxEntry): void {
    const { deadLetters, trouble, consumed } = this.#ports;
    if (entry.letter !== undefined) deadLetters.remove(entry.letter);
    trouble.ended(entry);
    consumed(entry);
  }

  #nameOf({ sourceName, seq }: MailboxEntry): string {
    return formatMessageName({ from: sourceName, to: this.#ports.stream.name, seq });
  }
}

function deliveryOf(entry: MailboxEntry): Delivery {
  return {
    from: entry.source,
    fromName: entry.sourceName,
    seq: entry.seq,
    attempt: entry.attempt,
    payload: entry.payload,
    chain: entry.chain,
  };
}
