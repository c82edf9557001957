import { LIMITS } from "../base/index.ts";
import type { EndpointId } from "./model.ts";
import type { Arrival, ReceivePair } from "./receive-pair.ts";
import type { DeadLetter } from "./stream-state.ts";

/** A message in a mailbox. */
export interface MailboxEntry {
  readonly source: EndpointId;
  readonly sourceName: string;
  /** Number of its first segment. */
  readonly first: number;
  /** Number of its last segment. */
  readonly seq: number;
  readonly payload: Uint8Array;
  readonly chain: readonly EndpointId[];
  readonly wantsReply: boolean;
  /** Undefined for a dead letter that is replayed. */
  readonly pair: ReceivePair | undefined;
  /** The dead letter that is replayed. */
  readonly letter: DeadLetter | undefined;
  /** 1 for the first time. */
  readonly attempt: number;
}

/** The messages of a stream that wait, in order. */
export class Mailbox {
  #entries: MailboxEntry[] = [];
  #bytes = 0;

  get length(): number {
    return this.#entries.length;
  }

  get first(): MailboxEntry | undefined {
    return this.#entries[0];
  }

  get entries(): readonly MailboxEntry[] {
    return this.#entries;
  }

  /** Bytes that it still accepts; may be negative, because a message is accepted when there is any room. */
  get room(): number {
    if (this.#entries.length >= LIMITS.mailboxMessagesMax) return 0;
    return LIMITS.mailboxBytesMax - this.#bytes;
  }

  /** Adds a message that has arrived. @param attempt 1 for the first time */
  arrived({ pair, first, seq, payload, chain, wantsReply }: Arrival, attempt: number): void {
    const { source, sourceName } = pair;
    // Written out: a spread costs as much as all else that is done here.
    this.push({
      source,
      sourceName,
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

  push(entry: MailboxEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.payload.byteLength;
  }

  /** Removes the first entries, at most `count`. */
  shift(count: number): MailboxEntry[] {
    let entries = this.#entries;
    if (count >= entries.length) this.#entries = [];
    else entries = entries.splice(0, count);
    for (const entry of entries) this.#bytes -= entry.payload.byteLength;
    return entries;
  }

  /** Puts entries back at the front. */
  unshift(entries: readonly MailboxEntry[]): void {
    if (entries.length === 0) return;
    this.#entries.unshift(...entries);
    for (const entry of entries) this.#bytes += entry.payload.byteLength;
  }
}
