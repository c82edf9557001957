import { join } from "node:path";
import { assert, LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { DirectoryStore, StoredEntry } from "./directory-store.ts";
import { LmdbTables } from "./lmdb-tables.ts";
import { Overlay } from "./overlay.ts";
import { decodeChanges, type RedoChange } from "./redo-change.ts";
import { RedoLog } from "./redo-log.ts";

/** What a {@link LoggedStore} needs. */
export interface LoggedStoreOptions {
  /** Folder of its files; made when it is not there. */
  readonly path: string;
  readonly log: Log;
  /** Size of the redo log. Default: {@link LIMITS.directoryRedoBytes}. */
  readonly redoBytes?: number | undefined;
}

interface Claimed {
  readonly redo: RedoLog;
  readonly commits: CommitQueue;
}

interface Done {
  readonly changes: RedoChange[];
  readonly undo: (() => void)[];
}

/**
 * A directory on disk: tables in LMDB, and before them a redo log (docs/adr/0006-redo-log.md). A transaction takes
 * effect in memory at once and is durable when one write to the log has ended, in the system's threads; the tables are
 * updated when the log is full or many keys have changed.
 *
 * Blobs go to the tables at once: they would fill the log. They are durable when `putBlob` returns, whatever becomes of
 * the transaction.
 */
export class LoggedStore implements DirectoryStore {
  readonly #path: string;
  readonly #log: Log;
  readonly #redoBytes: number | undefined;
  readonly #tables: LmdbTables;
  #overlay: Overlay;
  #claimed: Claimed | undefined;
  /** The transaction under way. */
  #done: Done | undefined;

  /** @throws {MeanderError} `directory-unreadable` */
  constructor({ path, log, redoBytes }: LoggedStoreOptions) {
    this.#path = path;
    this.#log = log;
    this.#redoBytes = redoBytes;
    this.#tables = new LmdbTables(path);
    this.#overlay = new Overlay(this.#tables);
  }

  /**
   * Also writes the contents of the log to the tables. @throws {MeanderError} `directory-in-use`,
   * `directory-unreadable`, `directory-write-failed`
   */
  claim(): void {
    this.#tables.claim();
    // The one before may have written until now.
    this.#overlay = new Overlay(this.#tables);
    try {
      this.#claimed = this.#open();
    } catch (error) {
      this.#tables.release();
      throw error;
    }
  }

  transaction<T>(action: () => T, committed?: (result: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#begin(
        action,
        (result) => {
          committed?.(result);
          resolve(result);
        },
        reject,
      );
    });
  }

  /** @throws {MeanderError} `directory-write-failed`: the tables cannot be written; what was confirmed is in the log */
  async close(): Promise<void> {
    const claimed = this.#claimed;
    try {
      if (claimed === undefined) return;
      await claimed.commits.settled();
      this.#tables.release({ ...this.#overlay.changes, sequence: claimed.redo.sequence });
    } finally {
      claimed?.redo.close();
      await this.#tables.close();
    }
  }

  directoryId(make: () => string): string {
    return this.#tables.directoryId(make);
  }

  get revision(): number {
    return this.#overlay.revision;
  }

  get keyCount(): number {
    return this.#overlay.keyCount;
  }

  get blobBytes(): number {
    return this.#tables.blobBytes;
  }

  entry(key: string): StoredEntry | undefined {
    return this.#overlay.entry(key);
  }

  entries(prefix: string, after?: string): Iterable<{ entry: StoredEntry; bytes: number }> {
    return this.#overlay.entries(prefix, after);
  }

  put(key: string, text: string, lease: string | undefined): number {
    const revision = this.revision + 1;
    this.#change({ type: "put", revision, key, lease, text });
    return revision;
  }

  remove(key: string): number {
    const revision = this.revision + 1;
    this.#change({ type: "remove", revision, key });
    return revision;
  }

  leases(): { id: string; ttlMs: number }[] {
    return this.#overlay.leases();
  }

  putLease(id: string, ttlMs: number): void {
    this.#change({ type: "put-lease", id, ttlMs });
  }

  removeLease(id: string): void {
    if (this.#overlay.hasLease(id)) this.#change({ type: "remove-lease", id });
  }

  keysOf(lease: string): string[] {
    return this.#overlay.keysOf(lease);
  }

  blob(sha256: string): Uint8Array | undefined {
    return this.#tables.blob(sha256);
  }

  putBlob(sha256: string, bytes: Uint8Array): void {
    this.#tables.putBlob(sha256, bytes);
  }

  #open(): Claimed {
    const { log: redo, payloads } = RedoLog.open({
      path: join(this.#path, "directory.redo"),
      after: this.#tables.sequence,
      bytes: this.#redoBytes,
    });
    try {
      for (const payload of payloads) this.#replay(payload);
      this.#store(redo);
    } catch (error) {
      redo.close();
      throw error;
    }
    const commits = new CommitQueue({
      log: {
        fits: (bytes) => this.#overlay.keys <= LIMITS.directoryRedoKeysMax && redo.fits(bytes),
        append: (payload) => redo.append(payload),
      },
      store: () => this.#store(redo),
      onLogFailed: (cause) => {
        this.#log.warn("The directory's log could not be written; its tables take its place.", {
          path: this.#path,
          error: messageOf(cause),
        });
      },
    });
    return { redo, commits };
  }

  #begin<T>(action: () => T, kept: (result: T) => void, failed: (error: unknown) => void): void {
    assert(this.#claimed !== undefined, "a store is claimed before it is used");
    assert(this.#done === undefined, "one transaction at a time");
    const done: Done = { changes: [], undo: [] };
    const undo = (): void => {
      for (const step of done.undo.reverse()) step();
    };
    const { commits } = this.#claimed;
    this.#done = done;
    let result: T;
    try {
      result = action();
    } catch (error) {
      undo();
      failed(error);
      return;
    } finally {
      this.#done = undefined;
    }
    const { changes } = done;
    if (changes.length === 0 && commits.idle) {
      kept(result);
      return;
    }
    commits.push({
      changes,
      undo,
      kept: () => kept(result),
      // Read-only transactions saw what is now rolled back, and run again.
      failed: changes.length === 0 ? () => this.#begin(action, kept, failed) : failed,
    });
  }

  #change(change: RedoChange): void {
    assert(this.#done !== undefined, "writes are made within a transaction");
    this.#done.undo.push(this.#overlay.apply(change));
    this.#done.changes.push(change);
  }

  /** Writes everything to the tables, and restarts the log. */
  #store(redo: RedoLog): void {
    // One number is left out: for a frame that a process just killed was writing, and that may still get to the disk.
    const sequence = redo.sequence + 1;
    this.#tables.write({ ...this.#overlay.changes, sequence });
    this.#overlay.clear();
    redo.restart(sequence);
  }

  #replay(payload: Uint8Array): void {
    for (const change of decodeChanges(payload) ?? [undefined]) {
      const isNext =
        change !== undefined && (!("revision" in change) || change.revision === this.revision + 1);
      if (!isNext) {
        throw new MeanderError("directory-unreadable", "the directory's log is another's", {
          where: this.#path,
          expected: `changes that follow on revision ${this.revision}`,
          next: "restore the folder from a copy",
        });
      }
      this.#overlay.apply(change);
    }
  }
}
