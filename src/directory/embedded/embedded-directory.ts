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
  RequestOptions,
  WriteOptions,
} from "../directory.ts";
import { checkKey, checkPrefix } from "../key.ts";
import type { Page, PagedDirectory } from "../paged-directory.ts";
import type { CallHandler, ServedPlace } from "../site-calls.ts";
import { SiteRegistry } from "../site-registry.ts";
import { encodeValue } from "../value.ts";
import type { KeyChange } from "../watch-mirror.ts";
import type { DirectoryStore, StoredEntry } from "./directory-store.ts";
import { KeptBlobs } from "./kept-blobs.ts";
import { Leases } from "./leases.ts";
import { LocalCalls } from "./local-calls.ts";
import { LocalRequests } from "./local-requests.ts";
import { fullError, leaseGoneError } from "./refusals.ts";
import { Watches } from "./watches.ts";

/** What an embedded directory needs. */
export type EmbeddedDirectoryOptions = EmbeddedDirectoryPorts &
  (
    | {
        /** Folder of its files; made when it is not there. */
        readonly path: string;
      }
    | {
        /** What keeps it. Stays the caller's. */
        readonly store: DirectoryStore;
      }
  );

interface EmbeddedDirectoryPorts {
  readonly clock: Clock;
  /** Names leases. */
  readonly random: Random;
  readonly log: Log;
}

/**
 * A directory in a folder of this machine: [D13] what it has confirmed survives the end of the process and of the machine. Or in a
 * store that the caller has; over a {@link MemoryStore} all its promises settle within the turn of the event loop.
 *
 * Besides what every {@link Directory} throws: `directory-closed`, `directory-full`, `directory-write-failed`.
 */
export class EmbeddedDirectory implements Directory, PagedDirectory {
  /** [D17] Names this directory among all; another one at the same address has another. */
  readonly id: string;
  /** [D21] The sites that take the leader's calls: its own, and those connected to a server of this directory. */
  readonly sites: SiteRegistry;
  readonly #store: DirectoryStore;
  readonly #log: Log;
  readonly #random: Random;
  readonly #leases: Leases;
  readonly #watches = new Watches();
  readonly #blobs: KeptBlobs;
  readonly #requests: LocalRequests;
  readonly #localCalls: LocalCalls;
  readonly #statusListeners = new Set<(status: DirectoryStatus) => void>();
  #closing: Promise<void> | undefined;

  private constructor(store: DirectoryStore, { clock, random, log }: EmbeddedDirectoryPorts) {
    this.#store = store;
    this.#log = log;
    this.#random = random;
    this.#blobs = new KeptBlobs(store);
    this.#requests = new LocalRequests(clock);
    this.sites = new SiteRegistry(clock);
    this.#localCalls = new LocalCalls(this.sites, log);
    store.claim(() => this.#end());
    this.#leases = new Leases(clock, (id) => this.#leaseEnded(id));
    this.id = store.directoryId(() => this.#newId());
    // [D14] Whoever holds a lease from before has all its time to come back.
    for (const { id, ttlMs } of store.leases()) this.#leases.start(id, ttlMs);
  }

  /**
   * Opens a directory.
   *
   * @throws {MeanderError} `directory-in-use` while another has it open, `directory-unreadable`
   */
  static async open(options: EmbeddedDirectoryOptions): Promise<EmbeddedDirectory> {
    const store = "store" in options ? options.store : await openFolder(options.path);
    try {
      return new EmbeddedDirectory(store, options);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Sets who answers requests; undefined: nobody, and they fail with `directory-no-leader`. */
  setRequestHandler(handler: RequestHandler | undefined): void {
    this.#requests.handler = handler;
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
    if (this.#watches.count >= most) throw fullError("watches", most);
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
    if (this.#leases.count >= directoryLeasesMax) throw fullError("leases", directoryLeasesMax);
    const id = this.#newId();
    this.#store.transaction(() => this.#store.putLease(id, ttlMs));
    this.#leases.start(id, ttlMs);
    return { id, ttlMs };
  }

  async renewLease(lease: Lease): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.renew(lease.id)) throw leaseGoneError(lease.id);
  }

  async revokeLease(lease: Lease): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.has(lease.id)) return;
    this.#removeLease(lease.id);
    this.#leases.stop(lease.id);
  }

  async putBlob(bytes: Uint8Array): Promise<string> {
    this.#checkOpen();
    return this.#blobs.put(bytes);
  }

  async getBlob(sha256: string): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    return this.#blobs.get(sha256);
  }

  async request(subject: string, payload: Json, { timeoutMs }: RequestOptions = {}): Promise<Json> {
    this.#checkOpen();
    return await this.#requests.ask(subject, payload, timeoutMs);
  }

  serve(place: ServedPlace, handler: CallHandler): () => void {
    this.#checkOpen();
    return this.#localCalls.serve(place, handler);
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

  /** The store belongs to another from now on. */
  #end(): void {
    this.#stop();
    this.#closing = Promise.resolve();
  }

  async #close(): Promise<void> {
    this.#stop();
    await this.#store.close();
    for (const listener of [...this.#statusListeners])
      listener({ type: "disconnected", reason: "closed" });
  }

  #stop(): void {
    this.#leases.clear();
    this.#watches.clear();
    this.sites.close();
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
    if (lease !== undefined && !this.#leases.has(lease.id)) throw leaseGoneError(lease.id);
    if (this.#store.keyCount >= LIMITS.directoryKeysMax && this.#store.entry(key) === undefined) {
      throw fullError("keys", LIMITS.directoryKeysMax);
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

/** The store on disk is loaded when one is opened: who keeps a directory in memory needs none of its native code. */
async function openFolder(path: string): Promise<DirectoryStore> {
  const { LmdbStore } = await import("./lmdb-store.ts");
  return new LmdbStore(path);
}

function entryOf({ key, value, revision }: StoredEntry): Entry {
  return { key, value, revision };
}
