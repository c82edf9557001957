import type { DeadLetters } from "./dead-letters.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Mailbox } from "./mailbox.ts";
import type { MessageKey, MessageTrouble } from "./message-trouble.ts";
import { EVENT_SOURCE } from "./model.ts";
import type { StreamContext } from "./stream-context.ts";

/** What {@link OperatorActions} use of their stream. */
export interface OperatorActionsPorts {
  readonly stream: StreamContext;
  readonly events: EventQueue;
  readonly mailbox: Mailbox;
  readonly trouble: MessageTrouble;
  readonly deadLetters: DeadLetters;
}

/** What an operator can do with messages and events that failed. */
export class OperatorActions {
  readonly #ports: OperatorActionsPorts;

  constructor(ports: OperatorActionsPorts) {
    this.#ports = ports;
  }

  /**
   * Skips or retries the message or event that halted the stream. False: that one did not.
   *
   * @param edited in place of its payload; undefined: unchanged
   */
  settleHalt(key: MessageKey, skip: boolean, edited: Uint8Array | undefined): boolean {
    const { stream, events, trouble } = this.#ports;
    if (key.source === EVENT_SOURCE) return events.settleHalt(key.seq, skip, edited);
    if (!trouble.settle(key, skip, edited)) return false;
    stream.wake();
    return true;
  }

  /** Replays a dead letter, behind what waits; or removes it. False: there is no such dead letter. */
  settleLetter(key: MessageKey, skip: boolean, edited: Uint8Array | undefined): boolean {
    const { stream, events, mailbox, deadLetters } = this.#ports;
    const letter = deadLetters.find(key);
    if (letter === undefined) return false;
    if (skip) {
      deadLetters.remove(letter);
      stream.changed();
      return true;
    }
    if (letter.source === EVENT_SOURCE) return events.replay(letter, edited);
    const { source, sourceName, seq, attempts } = letter;
    mailbox.push({
      ...{ source, sourceName, first: seq, seq, chain: [], wantsReply: false, letter },
      payload: edited ?? letter.payload,
      pair: undefined,
      attempt: attempts + 1,
    });
    stream.wake();
    return true;
  }
}
