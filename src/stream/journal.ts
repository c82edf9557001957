import { type Cancel, MeanderError } from "../base/index.ts";
import type { KernelContext } from "./kernel-context.ts";

/** Pause before a write that failed is retried, ms. */
const AGAIN_MS = 250;

/** What a journal writes: the whole state, and what may be sent once it is kept. */
export interface JournalEntry {
  readonly state: Uint8Array;
  /** The keeper has it. */
  kept(): void;
}

/**
 * Keeps a stream's record at its keeper up to date: one write at a time, always of the newest state
 * (docs/spec/streams.md [M7], [M33]). The keeper's earlier state does not matter: a new keeper, or one that restarted,
 * gets the whole state like any other.
 */
export class Journal {
  readonly #context: KernelContext;
  readonly #take: () => JournalEntry;
  readonly #put: (state: Uint8Array) => Promise<void>;
  readonly #fenced: () => void;
  #dirty = false;
  #writing = false;
  #closed = false;
  #cancel: Cancel | undefined;
  readonly #idle: (() => void)[] = [];

  /**
   * @param take the newest state
   * @param put sends it to the keeper; rejects with `record-fenced` when a higher stream epoch is kept there
   * @param fenced a higher epoch is kept
   */
  constructor(
    context: KernelContext,
    ports: {
      readonly take: () => JournalEntry;
      readonly put: (state: Uint8Array) => Promise<void>;
      readonly fenced: () => void;
    },
  ) {
    this.#context = context;
    this.#take = ports.take;
    this.#put = ports.put;
    this.#fenced = ports.fenced;
  }

  /** The state has changed. */
  changed(): void {
    this.#dirty = true;
  }

  /** Whether no write is in progress, and none is due. */
  get isIdle(): boolean {
    return !this.#dirty && !this.#writing;
  }

  /** Resolves when all changes so far are kept; never, when it is closed before. */
  settled(): Promise<void> {
    if (!this.#dirty && !this.#writing) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Writes what has changed, unless a write is in progress. */
  write(): void {
    if (!this.#dirty || this.#writing || this.#closed || this.#cancel !== undefined) return;
    this.#dirty = false;
    this.#writing = true;
    const entry = this.#take();
    this.#put(entry.state).then(
      () => this.#context.turn(() => this.#done(entry)),
      (error: unknown) => this.#context.turn(() => this.#failed(error)),
    );
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #done(entry: JournalEntry): void {
    this.#writing = false;
    if (this.#closed) return;
    entry.kept();
    if (this.#dirty) {
      this.write();
      return;
    }
    for (const wake of this.#idle.splice(0)) wake();
  }

  #failed(error: unknown): void {
    this.#writing = false;
    if (this.#closed) return;
    this.#dirty = true;
    if (error instanceof MeanderError && error.code === "record-fenced") {
      this.close();
      this.#fenced();
      return;
    }
    this.#context.count("keeper-silent");
    this.#cancel = this.#context.clock.after("keeper", AGAIN_MS, () => {
      this.#cancel = undefined;
      this.#context.turn(() => this.write());
    });
  }
}
