import { createHash } from "node:crypto";
import {
  type Clock,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
  type Random,
} from "../../base/index.ts";
import type {
  Change,
  Directory,
  DirectoryStatus,
  Entry,
  Json,
  Lease,
  RequestHandler,
  WriteOptions,
} from "../directory.ts";
import { checkKey, checkPrefix } from "../key.ts";
import type { Page, PagedDirectory } from "../paged-directory.ts";
import { encodeValue } from "../value.ts";
import type { KeyChange } from "../watch-mirror.ts";
import { Leases } from "./leases.ts";
import { LmdbStore, type StoredEntry } from "./lmdb-store.ts";
import { Watches } from "./watches.ts";

/** What an embedded directory needs. */
export interface EmbeddedDirectoryOptions {
  /** Folder of its files; made when it is not there. */
  readonly path: string;
  readonly clock: Clock;
  /** Names leases. */
  readonly random: Random;
  readonly log: Log;
}

/**
 * A directory in a folder of this machine; [D13] what it has confirmed survives the end of the process and of the machine.
 *
 * Besides what every {@link Directory} throws: `directory-closed`, `directory-full`, `directory-write-failed`.
 */
export class EmbeddedDirectory implements Directory, PagedDirectory {
  /** [D17] Names this directory among all; another one at the same address has another. */
  readonly id: string;
  readonly #store: LmdbStore;
  readonly #log: Log;
  readonly #random: Random;
  readonly #leases: Leases;
  readonly #watches = new Watches();
  readonly #statusListeners = new Set<(status: DirectoryStatus) => void>();
  #handler: RequestHandler | undefined;
  #closing: Promise<void> | undefined;

  private constructor(store: LmdbStore, { clock, random, log }: EmbeddedDirectoryOptions) {
    this.#store = store;
    this.#log = log;
    this.#random = random;
    this.#leases = new Leases(clock, (id) => this.#leaseEnded(id));
    this.id = store.directoryId(() => this.#newId());
    // [D14] Whoever holds a lease from before has all its time to come back.
    for (const { id, ttlMs } of store.leases()) this.#leases.start(id, ttlMs);
  }

  /**
   * Opens the directory in a folder.
   *
   * @throws {MeanderError} `directory-in-use` while another has it open, `directory-unreadable`
   */
  static async open(options: EmbeddedDirectoryOptions): Promise<EmbeddedDirectory> {
    const store = new LmdbStore(options.path);
    const owner = store.claim();
    if (owner === undefined) return new EmbeddedDirectory(store, options);
    await store.close(false);
    throw new MeanderError("directory-in-use", `process ${owner.pid} has this directory open`, {
      where: options.path,
      expected: "one process for each directory",
      next: `stop process ${owner.pid}, or choose another folder`,
    });
  }

  /** Sets who answers requests; undefined: nobody, and they fail with `directory-no-leader`. */
  setRequestHandler(handler: RequestHandler | undefined): void {
    this.#handler = handler;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    checkKey(key);
    const stored = this.#store.entry(key);
    return stored === undefined ? undefined : entryOf(stored);
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    this.#checkOpen();
    checkPrefix(prefix);
    return this.#list(prefix);
  }

  /** Entries by key, after `after`, about {@link LIMITS.directoryPageBytes} of them. */
  async page(prefix: string, after: string): Promise<Page> {
    this.#checkOpen();
    checkPrefix(prefix);
    const entries: Entry[] = [];
    let room = LIMITS.directoryPageBytes;
    for (const { entry, bytes } of this.#store.entries(prefix, after)) {
      if (room <= 0) return { entries, more: true, revision: this.#store.revision };
      entries.push(entryOf(entry));
      room -= bytes + entry.key.length;
    }
    return { entries, more: false, revision: this.#store.revision };
  }

  async put(key: string, value: Json, options: WriteOptions = {}): Promise<number> {
    this.#checkOpen();
    checkKey(key);
    return this.#put(key, encodeValue(key, value), options);
  }

  async compareAndSet(
    key: string,
    expected: number,
    value: Json,
    options: WriteOptions = {},
  ): Promise<number | undefined> {
    this.#checkOpen();
    checkKey(key);
    const text = encodeValue(key, value);
    if ((this.#store.entry(key)?.revision ?? 0) !== expected) return undefined;
    return this.#put(key, text, options);
  }

  async delete(key: string, expected?: number): Promise<boolean> {
    this.#checkOpen();
    checkKey(key);
    const old = this.#store.entry(key);
    if (old === undefined || (expected !== undefined && old.revision !== expected)) return false;
    const revision = this.#store.transaction(() => this.#store.remove(key));
    this.#watches.tell([{ type: "deleted", key, revision }]);
    return true;
  }

  async watch(prefix: string, listener: (change: Change) => void): Promise<() => void> {
    this.#checkOpen();
    checkPrefix(prefix);
    const most = LIMITS.directoryClientsMax * LIMITS.directoryWatchesMax;
    if (this.#watches.count >= most) throw full("watches", most);
    const { revision } = this.#store;
    return this.#watches.add(prefix, listener, { there: this.#list(prefix), revision });
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    this.#checkOpen();
    const { directoryLeaseMsMin, directoryLeaseMsMax, directoryLeasesMax } = LIMITS;
    if (!(ttlMs >= directoryLeaseMsMin && ttlMs <= directoryLeaseMsMax)) {
      throw new MeanderError("directory-lease-invalid", `got a lease of ${ttlMs} ms`, {
        where: "directory",
        expected: `${directoryLeaseMsMin} to ${directoryLeaseMsMax} ms`,
      });
    }
    if (this.#leases.count >= directoryLeasesMax) throw full("leases", directoryLeasesMax);
    const id = this.#newId();
    this.#store.transaction(() => this.#store.putLease(id, ttlMs));
    this.#leases.start(id, ttlMs);
    return { id, ttlMs };
  }

  async renewLease(lease: Lease): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.renew(lease.id)) throw leaseGone(lease.id);
  }

  async revokeLease(lease: Lease): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.has(lease.id)) return;
    this.#removeLease(lease.id);
    this.#leases.stop(lease.id);
  }

  async putBlob(bytes: Uint8Array): Promise<string> {
    this.#checkOpen();
    if (bytes.byteLength > LIMITS.directoryBlobBytesMax) {
      throw new MeanderError(
        "directory-value-too-large",
        `the blob has ${bytes.byteLength} bytes`,
        {
          where: "directory",
          expected: `at most ${LIMITS.directoryBlobBytesMax}`,
        },
      );
    }
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (this.#store.blob(sha256) !== undefined) return sha256;
    if (this.#store.blobBytes + bytes.byteLength > LIMITS.directoryBlobsBytesMax) {
      throw full("bytes of blobs", LIMITS.directoryBlobsBytesMax);
    }
    this.#store.transaction(() => this.#store.putBlob(sha256, bytes));
    return sha256;
  }

  async getBlob(sha256: string): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    return /^[0-9a-f]{64}$/.test(sha256) ? this.#store.blob(sha256) : undefined;
  }

  async request(subject: string, payload: Json): Promise<Json> {
    this.#checkOpen();
    if (this.#handler === undefined) {
      throw new MeanderError("directory-no-leader", "no leader answers", {
        where: `request ${subject}`,
        next: "try again when the leading site has started",
      });
    }
    return await this.#handler(subject, payload);
  }

  onStatus(listener: (status: DirectoryStatus) => void): () => void {
    this.#statusListeners.add(listener);
    listener(
      this.#closing === undefined
        ? { type: "connected" }
        : { type: "disconnected", reason: "closed" },
    );
    return () => void this.#statusListeners.delete(listener);
  }

  /** Everything confirmed is on the disk already. Closing twice is fine. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#leases.clear();
    this.#watches.clear();
    await this.#store.close(true);
    for (const listener of [...this.#statusListeners])
      listener({ type: "disconnected", reason: "closed" });
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new MeanderError("directory-closed", "the directory was closed", {
        where: "directory",
      });
    }
  }

  #list(prefix: string): Entry[] {
    return [...this.#store.entries(prefix)].map(({ entry }) => entryOf(entry));
  }

  #put(key: string, text: string, { lease }: WriteOptions): number {
    if (lease !== undefined && !this.#leases.has(lease.id)) throw leaseGone(lease.id);
    if (this.#store.keyCount >= LIMITS.directoryKeysMax && this.#store.entry(key) === undefined) {
      throw full("keys", LIMITS.directoryKeysMax);
    }
    const revision = this.#store.transaction(() => this.#store.put(key, text, lease?.id));
    // A value of its own: what the writer does with the one it gave is no change of the directory.
    this.#watches.tell([
      { type: "put", entry: { key, value: JSON.parse(text) as Json, revision } },
    ]);
    return revision;
  }

  #leaseEnded(id: string): void {
    try {
      this.#removeLease(id);
    } catch (error) {
      // The next opening of the directory finds it and ends it.
      this.#log.error("The keys of an ended lease could not be removed.", {
        lease: id,
        error: messageOf(error),
      });
    }
  }

  #removeLease(id: string): void {
    const changes = this.#store.transaction(() => {
      const removed = this.#store
        .keysOf(id)
        .map((key): KeyChange => ({ type: "deleted", key, revision: this.#store.remove(key) }));
      this.#store.removeLease(id);
      return removed;
    });
    this.#watches.tell(changes);
  }

  #newId(): string {
    return [0, 1, 2, 3].map(() => this.#random.uint32().toString(16).padStart(8, "0")).join("");
  }
}

function entryOf({ key, value, revision }: StoredEntry): Entry {
  return { key, value, revision };
}

function leaseGone(id: string): MeanderError {
  return new MeanderError("directory-lease-gone", "the lease has ended", {
    where: `directory lease ${id.slice(0, 64)}`,
    next: "take a new one",
  });
}

function full(what: string, most: number): MeanderError {
  return new MeanderError("directory-full", `there are as many ${what} as there may be`, {
    where: "directory",
    expected: `at most ${most} ${what}`,
  });
}
