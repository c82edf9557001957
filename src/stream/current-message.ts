import type { EventQueue } from "./event-queue.ts";
import type { InboundPairs } from "./inbound-pairs.ts";
import type { Mailbox, MailboxEntry } from "./mailbox.ts";
import type { MessageRunner } from "./message-runner.ts";
import type { MessageTrouble } from "./message-trouble.ts";
import { formatMessageName } from "./model.ts";
import { sourceNameOf } from "./queued-event.ts";
import type { Trouble } from "./stream-state.ts";

/** The message or event that runs, is retried, or halted a stream. */
export interface CurrentMessage {
  readonly id: string;
  readonly attempt: number;
  readonly state: "running" | "retrying" | "halted";
  /** How long it has been running, ms. */
  readonly forMs: number;
  readonly error: string | undefined;
}

/** The current message of a stream, out of its parts; undefined: nothing runs, and nothing failed. */
export function currentMessage(
  stream: string,
  parts: {
    readonly runner: MessageRunner;
    readonly events: EventQueue;
    readonly trouble: MessageTrouble;
    readonly mailbox: Mailbox;
    readonly pairs: InboundPairs;
  },
): CurrentMessage | undefined {
  const { runner, events, trouble, mailbox, pairs } = parts;
  if (runner.current !== undefined) {
    const { entry, forMs } = runner.current;
    const { sourceName, seq, attempt } = entry;
    const id = formatMessageName({ from: sourceName, to: stream, seq });
    return { id, attempt, state: "running", forMs, error: undefined };
  }
  const event = events.trouble;
  if (event?.type === "failed") return failed(stream, sourceNameOf(event.call), event);
  const message = trouble.state;
  if (message === undefined) return undefined;
  const { first } = mailbox;
  const isNext = first?.source === message.source && first.seq === message.seq;
  // Its sender may not have sent it to this site yet.
  if (!message.halted && !isNext) return undefined;
  const sourceName = pairs.all.get(message.source)?.sourceName ?? `${message.source}`;
  return failed(stream, sourceName, message);
}

/** A message that waits, for people. */
export interface WaitingMessage {
  readonly id: string;
  readonly bytes: number;
}

/** The first messages that wait. */
export function waitingMessages(
  stream: string,
  entries: readonly MailboxEntry[],
  count: number,
): WaitingMessage[] {
  return entries.slice(0, count).map(({ sourceName, seq, payload }) => ({
    id: formatMessageName({ from: sourceName, to: stream, seq }),
    bytes: payload.byteLength,
  }));
}

function failed(
  stream: string,
  sourceName: string,
  { seq, attempts, fault, halted }: Omit<Trouble, "source">,
): CurrentMessage {
  return {
    id: formatMessageName({ from: sourceName, to: stream, seq }),
    attempt: attempts,
    state: halted ? "halted" : "retrying",
    forMs: 0,
    error: fault.message,
  };
}
