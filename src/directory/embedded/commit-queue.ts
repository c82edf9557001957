import { encodeChanges, type RedoChange } from "./redo-change.ts";
import type { RedoLog } from "./redo-log.ts";

/** A transaction that was done in memory and waits for the disk. */
export interface Commit {
  /** What it changed. None: it has only read, and waits for what it has seen. */
  readonly changes: readonly RedoChange[];
  /** Takes the changes back. */
  readonly undo: () => void;
  /** It is durable. */
  readonly kept: () => void;
  /** It is rolled back, and so is everything after it. */
  readonly failed: (error: unknown) => void;
}

/** Where commits are kept. */
export interface CommitKeepers {
  readonly log: Pick<RedoLog, "fits" | "append">;
  /** Writes everything so far to the tables, durably, and restarts the log. An error fails the commits. */
  readonly store: () => void;
  /** The log could not be written; the tables are tried. */
  readonly onLogFailed: (cause: unknown) => void;
}

/**
 * Writes commits to the disk in the order in which they were made. Those of one turn of the event loop, and those made
 * while the disk is busy, share a flush. Commits that do not fit the log go to the tables at once, with all that are
 * waiting.
 */
export class CommitQueue {
  readonly #keepers: CommitKeepers;
  #waiting: Commit[] = [];
  #running: Promise<void> | undefined;

  constructor(keepers: CommitKeepers) {
    this.#keepers = keepers;
  }

  /** Everything pushed so far was kept or has failed. */
  get idle(): boolean {
    return this.#running === undefined;
  }

  /** Adds a commit; `kept` or `failed` is called in a later microtask or turn. */
  push(commit: Commit): void {
    this.#waiting.push(commit);
    this.#running ??= this.#run();
  }

  /** Settles when the queue is idle. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // What is called one right after the other goes together.
    await undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#takeAll();
      try {
        await this.#keep(batch);
      } catch (error) {
        fail([...batch, ...this.#takeAll()], error);
        continue;
      }
      for (const { kept } of batch) kept();
    }
    this.#running = undefined;
  }

  /** Adds to `batch` what was kept with it. */
  async #keep(batch: Commit[]): Promise<void> {
    const bytes = encodeChanges(batch.flatMap(({ changes }) => changes));
    if (bytes.byteLength === 0) return;
    const { log, store, onLogFailed } = this.#keepers;
    if (log.fits(bytes.byteLength)) {
      try {
        await log.append(bytes);
        return;
      } catch (cause) {
        onLogFailed(cause);
      }
    }
    batch.push(...this.#takeAll());
    store();
  }

  #takeAll(): Commit[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}

function fail(commits: readonly Commit[], error: unknown): void {
  for (const { undo } of [...commits].reverse()) undo();
  for (const { failed } of commits) failed(error);
}
