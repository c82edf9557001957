import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { MeanderError, messageOf } from "../../base/index.ts";
import type { Json } from "../directory.ts";
import { isRunning, parseOwner, thisOwner } from "./directory-owner.ts";
import type { StoredEntry } from "./directory-store.ts";
import { checkLmdbFile, keepLmdbFilePrivate } from "./lmdb-file.ts";

/** A key's value, as it is kept. */
export interface Row {
  readonly revision: number;
  /** Id of the lease it goes with. */
  readonly lease: string | undefined;
  /** The value in JSON. */
  readonly text: string;
}

/** What has changed since the tables were last written. */
export interface TableChanges {
  /** By key; undefined: removed. */
  readonly rows: ReadonlyMap<string, Row | undefined>;
  /** Their ttlMs, by id; undefined: removed. */
  readonly leases: ReadonlyMap<string, number | undefined>;
  readonly revision: number;
  readonly keyCount: number;
}

/** With the last frame of the redo log that is in them. */
export type LoggedTableChanges = TableChanges & { readonly sequence: number };

/**
 * The directory's tables on disk, in LMDB: each write is atomic, and on disk when it returns. Writes are synchronous
 * and take two flushes each: the pages, then the page that makes them valid.
 *
 * | table | key | value |
 * |---|---|---|
 * | `entries` | key | `{"r": revision, "l": lease, "v": value}` |
 * | `leases` | id | ttlMs |
 * | `lease-keys` | id `/` key | empty |
 * | `blobs` | sha-256 in hex | bytes |
 * | `meta` | `revision`, `keys`, `blob-bytes`, `directory`, `owner`, `redo` (a sequence) | |
 */
export class LmdbTables {
  readonly #path: string;
  readonly #root: RootDatabase<string, string>;
  readonly #entries: Database<string, string>;
  readonly #leases: Database<string, string>;
  readonly #leaseKeys: Database<string, string>;
  readonly #blobs: Database<Uint8Array, string>;
  readonly #meta: Database<string, string>;

  /**
   * Opens the tables in the folder `path`, making it when it is not there.
   *
   * @throws {MeanderError} `directory-unreadable`
   */
  constructor(path: string) {
    this.#path = path;
    try {
      // The session's link key is in there.
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const file = join(path, "directory.mdb");
      checkLmdbFile(file);
      keepLmdbFilePrivate(file);
      this.#root = open({ path: file, noSubdir: true, overlappingSync: false });
      this.#entries = this.#root.openDB({ name: "entries", encoding: "string" });
      this.#leases = this.#root.openDB({ name: "leases", encoding: "string" });
      this.#leaseKeys = this.#root.openDB({ name: "lease-keys", encoding: "string" });
      this.#blobs = this.#root.openDB({ name: "blobs", encoding: "binary" });
      this.#meta = this.#root.openDB({ name: "meta", encoding: "string" });
    } catch (cause) {
      if (cause instanceof MeanderError) throw cause;
      throw new MeanderError(
        "directory-unreadable",
        `the directory cannot be opened: ${messageOf(cause)}`,
        {
          where: path,
          expected: "a folder that this user may write, with a directory or nothing in it",
          cause,
        },
      );
    }
  }

  /**
   * Makes this process the owner. LMDB's lock decides between two that try at once, and is released when a process is
   * killed, so no process can take the store over while this one runs.
   *
   * @throws {MeanderError} `directory-in-use`
   */
  claim(): void {
    const other = this.#transaction(() => {
      const owner = parseOwner(this.#meta.get("owner"));
      if (owner !== undefined && isRunning(owner)) return owner;
      void this.#meta.put("owner", JSON.stringify(thisOwner()));
      return undefined;
    });
    if (other !== undefined) {
      throw new MeanderError("directory-in-use", `process ${other.pid} has this directory open`, {
        where: this.#path,
        expected: "one process for each directory",
        next: `stop process ${other.pid}, or choose another folder`,
      });
    }
  }

  /** @throws {MeanderError} `directory-write-failed` */
  write(changes: LoggedTableChanges): void {
    this.#transaction(() => this.#write(changes));
  }

  /** Ends the claim, and writes `changes`. @throws {MeanderError} `directory-write-failed` */
  release(changes?: LoggedTableChanges): void {
    this.#transaction(() => {
      if (changes !== undefined) this.#write(changes);
      void this.#meta.remove("owner");
    });
  }

  /** Lets go of the files. */
  async close(): Promise<void> {
    await this.#root.close();
  }

  has(key: string): boolean {
    return this.#entries.doesExist(key);
  }

  entry(key: string): StoredEntry | undefined {
    const text = this.#entries.get(key);
    return text === undefined ? undefined : parseStored(key, text);
  }

  *entries(prefix: string, after = ""): Generator<{ entry: StoredEntry; bytes: number }> {
    const start = after > prefix ? after : prefix;
    const range = this.#entries.getRange(start === "" ? {} : { start });
    for (const { key, value } of range) {
      if (!key.startsWith(prefix)) return;
      if (key !== after) yield { entry: parseStored(key, value), bytes: value.length };
    }
  }

  get revision(): number {
    return this.#count("revision");
  }

  get keyCount(): number {
    return this.#count("keys");
  }

  /** The last frame of the redo log that is in the tables; 0: none. */
  get sequence(): number {
    return this.#count("redo");
  }

  get blobBytes(): number {
    return this.#count("blob-bytes");
  }

  directoryId(make: () => string): string {
    const known = this.#meta.get("directory");
    if (known !== undefined) return known;
    const made = make();
    this.#transaction(() => void this.#meta.put("directory", made));
    return made;
  }

  leases(): { id: string; ttlMs: number }[] {
    return [...this.#leases.getRange({})].map(({ key, value }) => ({
      id: key,
      ttlMs: Number(value),
    }));
  }

  hasLease(id: string): boolean {
    return this.#leases.doesExist(id);
  }

  keysOf(lease: string): string[] {
    const start = `${lease}/`;
    const keys: string[] = [];
    for (const key of this.#leaseKeys.getKeys({ start })) {
      if (!key.startsWith(start)) break;
      keys.push(key.slice(start.length));
    }
    return keys;
  }

  blob(sha256: string): Uint8Array | undefined {
    const bytes = this.#blobs.get(sha256);
    return bytes === undefined ? undefined : Uint8Array.from(bytes);
  }

  /** Keeps a blob that is not there yet. @throws {MeanderError} `directory-write-failed` */
  putBlob(sha256: string, bytes: Uint8Array): void {
    this.#transaction(() => {
      void this.#blobs.put(sha256, bytes);
      this.#setCount("blob-bytes", this.blobBytes + bytes.byteLength);
    });
  }

  #write({ rows, leases, revision, keyCount, sequence }: LoggedTableChanges): void {
    for (const [key, row] of rows) this.#writeRow(key, row);
    for (const [id, ttlMs] of leases) {
      if (ttlMs === undefined) void this.#leases.remove(id);
      else void this.#leases.put(id, String(ttlMs));
    }
    this.#setCount("revision", revision);
    this.#setCount("keys", keyCount);
    this.#setCount("redo", sequence);
  }

  #writeRow(key: string, row: Row | undefined): void {
    const lease = this.entry(key)?.lease;
    if (lease !== undefined) void this.#leaseKeys.remove(`${lease}/${key}`);
    if (row === undefined) {
      void this.#entries.remove(key);
      return;
    }
    if (row.lease !== undefined) void this.#leaseKeys.put(`${row.lease}/${key}`, "");
    const l = row.lease === undefined ? "" : `"l":${JSON.stringify(row.lease)},`;
    void this.#entries.put(key, `{"r":${row.revision},${l}"v":${row.text}}`);
  }

  #transaction<T>(action: () => T): T {
    let thrown: unknown;
    try {
      return this.#root.transactionSync(() => {
        try {
          return action();
        } catch (error) {
          thrown = error;
          throw error;
        }
      });
    } catch (cause) {
      if (thrown !== undefined && thrown === cause) throw cause;
      throw new MeanderError("directory-write-failed", `the write failed: ${messageOf(cause)}`, {
        where: this.#path,
        next: "check that the disk has room and may be written",
        cause,
      });
    }
  }

  #count(name: string): number {
    return Number(this.#meta.get(name) ?? 0);
  }

  #setCount(name: string, count: number): void {
    void this.#meta.put(name, String(count));
  }
}

function parseStored(key: string, text: string): StoredEntry {
  const { r, l, v } = JSON.parse(text) as { r: number; l?: string; v: Json };
  return { key, value: v, revision: r, lease: l };
}
