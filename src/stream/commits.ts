import { Journal, type JournalEntry } from "./journal.ts";
import type { KernelContext } from "./kernel-context.ts";
import type { MailboxEntry } from "./mailbox.ts";
import type { Durability } from "./model.ts";
import type { ReceivePair } from "./receive-pair.ts";
import type { SendWindow } from "./send-window.ts";
import type { StreamContext } from "./stream-context.ts";

/** What {@link Commits} use of their stream. */
export interface CommitsPorts {
  readonly context: KernelContext;
  readonly stream: StreamContext;
  readonly durability: Durability;
  /** The state as it is now, encoded. */
  state(): Uint8Array;
  pairs(): Iterable<ReceivePair>;
  windows(): Iterable<SendWindow>;
  /** Writes a state to the stream's keeper. Rejects with `record-fenced`. */
  keep(state: Uint8Array): Promise<void>;
}

/**
 * When other sites learn what a stream did: with durability `message` once its record is kept, else at once
 * (docs/spec/streams.md [M7], [M33]).
 */
export class Commits {
  readonly #ports: CommitsPorts;
  /** Undefined without a record. */
  readonly #journal: Journal | undefined;
  #sinceCheckpoint = 0;

  constructor(ports: CommitsPorts) {
    this.#ports = ports;
    const { context, stream, durability } = ports;
    if (durability.type === "none") return;
    this.#journal = new Journal(context, {
      take: () => this.#entry(),
      put: (state) => ports.keep(state),
      fenced: () => stream.emit({ type: "superseded", stream: stream.name, id: stream.id }),
    });
  }

  /** Whether the record is up to date; always true without one. */
  get isSettled(): boolean {
    return this.#journal?.isIdle ?? true;
  }

  /** Resolves when the record is up to date; never, when the stream leaves before. */
  async settled(): Promise<void> {
    await this.#journal?.settled();
  }

  /** A message was consumed, or given up. */
  consumed({ pair, seq }: MailboxEntry): void {
    const { durability, stream } = this.#ports;
    pair?.consumedUpTo(seq);
    // With `message`, the sender is told once the record is kept.
    if (durability.type !== "message") pair?.acknowledgeUpTo(seq);
    if (durability.type !== "checkpoint") stream.changed();
    else if (++this.#sinceCheckpoint >= durability.every) {
      this.#sinceCheckpoint = 0;
      stream.changed();
    }
  }

  /** The state has changed. */
  changed(): void {
    this.#journal?.changed();
  }

  /** Writes the record if the state has changed. */
  write(): void {
    this.#journal?.write();
  }

  close(): void {
    this.#journal?.close();
  }

  #entry(): JournalEntry {
    const { state, pairs, windows, stream } = this.#ports;
    const consumed = [...pairs()].map((pair) => [pair, pair.consumed] as const);
    // A window that waits for its first number may send what is kept under other numbers.
    const sent = [...windows()]
      .filter((window) => !window.awaitsNumber)
      .map((window) => [window, window.next - 1] as const);
    return {
      state: state(),
      kept: () => {
        for (const [pair, seq] of consumed) pair.acknowledgeUpTo(seq);
        for (const [window, last] of sent) window.release(last);
        stream.wake();
      },
    };
  }
}
