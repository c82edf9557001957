import type { Cancel } from "../base/index.ts";
import type { Fault } from "./consumer.ts";
import type { MailboxEntry } from "./mailbox.ts";
import type { EndpointId } from "./model.ts";
import type { StreamContext } from "./stream-context.ts";
import type { Trouble } from "./stream-state.ts";
import type { Suspects } from "./suspects.ts";

/** A message by its numbers. */
export interface MessageKey {
  readonly source: EndpointId;
  readonly seq: number;
}

/** What an operator decided about the message that halted the stream. */
interface Verdict extends MessageKey {
  readonly skip: boolean;
  /** In place of its payload. */
  readonly edited: Uint8Array | undefined;
}

/** The message of a stream that failed and is retried, or that halted the stream. Nothing behind it runs meanwhile. */
export class MessageTrouble {
  readonly #stream: StreamContext;
  readonly #suspects: Suspects;
  #state: Trouble | undefined;
  #pause: Cancel | undefined;
  /** The record does not have yet that an executor ended. */
  #isUnrecorded = false;
  #verdict: Verdict | undefined;

  /** @param state what travelled with the stream */
  constructor(stream: StreamContext, state: Trouble | undefined, suspects: Suspects) {
    this.#stream = stream;
    this.#suspects = suspects;
    this.#state = state;
  }

  get state(): Trouble | undefined {
    return this.#state;
  }

  /** Whether the mailbox waits: for the next attempt, or for an operator. */
  get blocks(): boolean {
    return this.#state?.halted === true || this.#pause !== undefined || this.#isUnrecorded;
  }

  /** Which attempt the next one of that message is. */
  attemptOf(key: MessageKey): number {
    const failed = this.#isAbout(key) ? (this.#state?.attempts ?? 0) : 0;
    return Math.max(failed, this.#suspects.deathsOf(key).length) + 1;
  }

  /** @param isDeath its executor ended: before it runs again, that is in the record */
  retry(entry: MailboxEntry, fault: Fault, afterMs: number, isDeath = false): void {
    this.#set(entry, fault, false);
    const goOn = (): void => this.#stream.turn(() => this.#stream.wake());
    this.#pause = this.#stream.clock.after("retry", afterMs, () => {
      this.#pause = undefined;
      goOn();
    });
    if (!isDeath) return;
    this.#isUnrecorded = true;
    void this.#stream.settled().then(() => {
      this.#isUnrecorded = false;
      goOn();
    });
  }

  halt(entry: MailboxEntry, fault: Fault): void {
    this.#set(entry, fault, true);
  }

  /** An operator decides about the message that halted the stream. False: that message did not. */
  settle(key: MessageKey, skip: boolean, edited: Uint8Array | undefined): boolean {
    if (this.#state?.halted !== true || !this.#isAbout(key)) return false;
    this.#verdict = { source: key.source, seq: key.seq, skip, edited };
    this.#state = undefined;
    this.#stream.changed();
    return true;
  }

  get hasVerdict(): boolean {
    return this.#verdict !== undefined;
  }

  /** Removes and returns the verdict on a message; undefined: none. */
  takeVerdict(key: MessageKey): Verdict | undefined {
    const verdict = this.#verdict;
    if (verdict?.source !== key.source || verdict.seq !== key.seq) return undefined;
    this.#verdict = undefined;
    return verdict;
  }

  /** A message has ended, in whatever way. */
  ended(key: MessageKey): void {
    if (this.#isAbout(key)) this.#state = undefined;
  }

  close(): void {
    this.#pause?.();
  }

  #isAbout({ source, seq }: MessageKey): boolean {
    return this.#state?.source === source && this.#state.seq === seq;
  }

  #set({ source, seq, attempt }: MailboxEntry, fault: Fault, halted: boolean): void {
    this.#state = { source, seq, attempts: attempt, fault, halted };
    this.#stream.changed();
  }
}
