import { assert } from "../../base/index.ts";
import type { Json } from "../directory.ts";
import type { DirectoryStore, StoredEntry } from "./directory-store.ts";

interface Row {
  readonly revision: number;
  readonly lease: string | undefined;
  /** The value in JSON. */
  readonly text: string;
}

/**
 * A store in memory, for simulations and tests, in which it is the disk that outlives a process.
 *
 * Opening a directory over it again is a restart. A directory still open over it then counts as one whose process was
 * killed: its leases stop, its watches report nothing more, its calls fail with `directory-closed`, and it writes
 * nothing.
 */
export class MemoryStore implements DirectoryStore {
  readonly #rows = new Map<string, Row>();
  readonly #leases = new Map<string, number>();
  readonly #blobs = new Map<string, Uint8Array>();
  #id: string | undefined;
  #revision = 0;
  #blobBytes = 0;
  /** Keys in order; made when it is asked for. */
  #sorted: readonly string[] | undefined;
  /** What takes back the writes of the transaction under way, newest last. */
  #undo: (() => void)[] | undefined;
  #lost: (() => void) | undefined;

  claim(lost: () => void): void {
    this.kill();
    this.#lost = lost;
  }

  /**
   * Ends the directory that is open over this store, as a kill of its process would. Does nothing when none is open.
   */
  kill(): void {
    const lost = this.#lost;
    this.#lost = undefined;
    lost?.();
  }

  async transaction<T>(action: () => T, committed?: (result: T) => void): Promise<T> {
    const result = this.#do(action);
    committed?.(result);
    return result;
  }

  async close(): Promise<void> {
    this.#lost = undefined;
  }

  directoryId(make: () => string): string {
    this.#id ??= make();
    return this.#id;
  }

  get revision(): number {
    return this.#revision;
  }

  get keyCount(): number {
    return this.#rows.size;
  }

  get blobBytes(): number {
    return this.#blobBytes;
  }

  entry(key: string): StoredEntry | undefined {
    const row = this.#rows.get(key);
    return row === undefined ? undefined : entryOf(key, row);
  }

  *entries(prefix: string, after = ""): Generator<{ entry: StoredEntry; bytes: number }> {
    const keys = this.#keys();
    for (let index = firstFrom(keys, after > prefix ? after : prefix); ; index++) {
      const key = keys[index];
      if (!key?.startsWith(prefix)) return;
      const row = this.#rows.get(key);
      if (key === after || row === undefined) continue;
      yield { entry: entryOf(key, row), bytes: row.text.length };
    }
  }

  put(key: string, text: string, lease: string | undefined): number {
    const revision = this.#nextRevision();
    this.#set(this.#rows, key, { revision, lease, text });
    return revision;
  }

  remove(key: string): number {
    this.#unset(this.#rows, key);
    return this.#nextRevision();
  }

  leases(): { id: string; ttlMs: number }[] {
    return [...this.#leases].map(([id, ttlMs]) => ({ id, ttlMs }));
  }

  putLease(id: string, ttlMs: number): void {
    this.#set(this.#leases, id, ttlMs);
  }

  removeLease(id: string): void {
    this.#unset(this.#leases, id);
  }

  keysOf(lease: string): string[] {
    return this.#keys().filter((key) => this.#rows.get(key)?.lease === lease);
  }

  blob(sha256: string): Uint8Array | undefined {
    return this.#blobs.get(sha256)?.slice();
  }

  putBlob(sha256: string, bytes: Uint8Array): void {
    this.#set(this.#blobs, sha256, Uint8Array.from(bytes));
    this.#blobBytes += bytes.byteLength;
    this.#onUndo(() => {
      this.#blobBytes -= bytes.byteLength;
    });
  }

  #do<T>(action: () => T): T {
    assert(this.#undo === undefined, "one transaction at a time");
    const undo: (() => void)[] = [];
    this.#undo = undo;
    try {
      return action();
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      this.#undo = undefined;
    }
  }

  #keys(): readonly string[] {
    this.#sorted ??= [...this.#rows.keys()].sort();
    return this.#sorted;
  }

  #nextRevision(): number {
    this.#onUndo(() => {
      this.#revision--;
    });
    return ++this.#revision;
  }

  #set<V>(table: Map<string, V>, key: string, value: V): void {
    const old = table.get(key);
    if (old === undefined) this.#keysChanged();
    this.#onUndo(() => {
      if (old === undefined) table.delete(key);
      else table.set(key, old);
    });
    table.set(key, value);
  }

  #unset<V>(table: Map<string, V>, key: string): void {
    const old = table.get(key);
    if (old === undefined) return;
    this.#keysChanged();
    this.#onUndo(() => void table.set(key, old));
    table.delete(key);
  }

  #keysChanged(): void {
    this.#sorted = undefined;
    this.#onUndo(() => {
      this.#sorted = undefined;
    });
  }

  #onUndo(step: () => void): void {
    assert(this.#undo !== undefined, "writes are made within a transaction");
    this.#undo.push(step);
  }
}

function entryOf(key: string, { revision, lease, text }: Row): StoredEntry {
  return { key, value: JSON.parse(text) as Json, revision, lease };
}

/** The index of the first key that is `start` or comes after it. */
function firstFrom(keys: readonly string[], start: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}
