import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { MeanderError, messageOf } from "../../base/index.ts";
import type { Json } from "../directory.ts";
import { isRunning, parseOwner, thisOwner } from "./directory-owner.ts";
import type { DirectoryStore, StoredEntry } from "./directory-store.ts";
import { checkLmdbFile } from "./lmdb-file.ts";

/**
 * The directory's tables on disk, in LMDB: each {@link transaction} is done whole or not at all, and is on the disk when
 * it returns. Writes are synchronous because they are rare and decisions depend on them. One takes a fraction of a millisecond of
 * computing, and what the disk needs to flush twice: the pages, then the page that says that they count.
 *
 * | table | key | value |
 * |---|---|---|
 * | `entries` | key | `{"r": revision, "l": lease, "v": value}` |
 * | `leases` | id | ttlMs |
 * | `lease-keys` | id `/` key | empty |
 * | `blobs` | sha-256 in hex | bytes |
 * | `meta` | `revision`, `keys`, `blob-bytes`, `directory`, `owner` | |
 */
export class LmdbStore implements DirectoryStore {
  readonly #path: string;
  readonly #root: RootDatabase<string, string>;
  readonly #entries: Database<string, string>;
  readonly #leases: Database<string, string>;
  readonly #leaseKeys: Database<string, string>;
  readonly #blobs: Database<Uint8Array, string>;
  readonly #meta: Database<string, string>;
  #owned = false;

  /**
   * Opens the store in the folder `path`, making it when it is not there.
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
   * Makes this process the owner. LMDB's own lock decides between two that try at once, and ends with a process that is killed;
   * so nobody takes the store over while this one runs.
   *
   * @throws {MeanderError} `directory-in-use`
   */
  claim(): void {
    const other = this.transaction(() => {
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
    this.#owned = true;
  }

  transaction<T>(action: () => T): T {
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

  async close(): Promise<void> {
    if (this.#owned) this.transaction(() => void this.#meta.remove("owner"));
    await this.#root.close();
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

  get blobBytes(): number {
    return this.#count("blob-bytes");
  }

  directoryId(make: () => string): string {
    const known = this.#meta.get("directory");
    if (known !== undefined) return known;
    const made = make();
    this.transaction(() => void this.#meta.put("directory", made));
    return made;
  }

  put(key: string, text: string, lease: string | undefined): number {
    const old = this.entry(key);
    const revision = this.#add("revision", 1);
    if (old === undefined) this.#add("keys", 1);
    if (old?.lease !== undefined) void this.#leaseKeys.remove(`${old.lease}/${key}`);
    if (lease !== undefined) void this.#leaseKeys.put(`${lease}/${key}`, "");
    const l = lease === undefined ? "" : `"l":${JSON.stringify(lease)},`;
    void this.#entries.put(key, `{"r":${revision},${l}"v":${text}}`);
    return revision;
  }

  remove(key: string): number {
    const old = this.entry(key);
    if (old?.lease !== undefined) void this.#leaseKeys.remove(`${old.lease}/${key}`);
    void this.#entries.remove(key);
    this.#add("keys", -1);
    return this.#add("revision", 1);
  }

  leases(): { id: string; ttlMs: number }[] {
    return [...this.#leases.getRange({})].map(({ key, value }) => ({
      id: key,
      ttlMs: Number(value),
    }));
  }

  putLease(id: string, ttlMs: number): void {
    void this.#leases.put(id, String(ttlMs));
  }

  removeLease(id: string): void {
    void this.#leases.remove(id);
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

  putBlob(sha256: string, bytes: Uint8Array): void {
    void this.#blobs.put(sha256, bytes);
    this.#add("blob-bytes", bytes.byteLength);
  }

  #count(name: string): number {
    return Number(this.#meta.get(name) ?? 0);
  }

  #add(name: string, amount: number): number {
    const count = this.#count(name) + amount;
    void this.#meta.put(name, String(count));
    return count;
  }
}

function parseStored(key: string, text: string): StoredEntry {
  const { r, l, v } = JSON.parse(text) as { r: number; l?: string; v: Json };
  return { key, value: v, revision: r, lease: l };
}
