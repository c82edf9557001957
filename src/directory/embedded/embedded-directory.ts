import { type Clock, LIMITS, type Log, type Random } from "../../base/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { LEADER_CALLER, type MemberCaller } from "../caller.ts";
import type {
  Change,
  DirectoryStatus,
  Entry,
  Json,
  Lease,
  RequestHandler,
  RequestOptions,
  WriteOptions,
} from "../directory.ts";
import { checkKey, checkPrefix } from "../key.ts";
import type { LeaderDirectory, Page } from "../leader-directory.ts";
import type { CallHandler } from "../site-calls.ts";
import { SiteRegistry } from "../site-registry.ts";
import { encodeValue } from "../value.ts";
import type { DirectoryStore, StoredEntry } from "./directory-store.ts";
import { KeptBlobs } from "./kept-blobs.ts";
import { KeptLeases } from "./kept-leases.ts";
import { LocalCalls } from "./local-calls.ts";
import { LocalRequests } from "./local-requests.ts";
import { closedError, fullError, leaseGoneError } from "./refusals.ts";
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
 * A directory in a folder of this machine: [D13] what it has confirmed survives the end of the process and of the
 * machine. Or in a store that the caller provides; over a {@link MemoryStore} all its promises settle within the turn
 * of the event loop.
 *
 * In addition to the errors of every {@link LeaderDirectory}: `directory-closed`, `directory-full`,
 * `directory-write-failed`.
 */
export class EmbeddedDirectory implements LeaderDirectory {
  readonly id: string;
  readonly sites: SiteRegistry;
  readonly #store: DirectoryStore;
  readonly #random: Random;
  readonly #leases: KeptLeases;
  readonly #watches = new Watches();
  readonly #blobs: KeptBlobs;
  readonly #requests: LocalRequests;
  readonly #localCalls: LocalCalls;
  readonly #statusListeners = new Set<(status: DirectoryStatus) => void>();
  #closing: Promise<void> | undefined;

  private constructor(store: DirectoryStore, { clock, random, log }: EmbeddedDirectoryPorts) {
    this.#store = store;
    this.#random = random;
    this.#blobs = new KeptBlobs(store);
    this.#requests = new LocalRequests(clock);
    this.sites = new SiteRegistry(clock);
    this.#localCalls = new LocalCalls(this.sites, log);
    store.claim(() => this.#end());
    this.#leases = new KeptLeases(store, {
      clock,
      log,
      newId: () => this.#newId(),
      onKeysRemoved: (changes) => this.#watches.tell(changes),
    });
    this.id = store.directoryId(() => this.#newId());
    this.#leases.restart();
  }

  /**
   * Opens a directory.
   *
   * @throws {MeanderError} `directory-in-use` while another process has it open, `directory-unreadable`
   */
  static async open(options: EmbeddedDirectoryOptions): Promise<EmbeddedDirectory> {
    const store = "store" in options ? options.store : await openFolder(options.path, options.log);
    try {
      return new EmbeddedDirectory(store, options);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  setRequestHandler(handler: RequestHandler | undefined): void {
    this.#requests.handler = handler;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    checkKey(key);
    const stored = await this.#store.transaction(() => this.#store.entry(key));
    return stored === undefined ? undefined : entryOf(stored);
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    this.#checkOpen();
    checkPrefix(prefix);
    return await this.#store.transaction(() => this.#list(prefix));
  }

  async page(prefix: string, after: string): Promise<Page> {
    this.#checkOpen();
    checkPrefix(prefix);
    return await this.#store.transaction(() => this.#page(prefix, after));
  }

  async put(key: string, value: Json, options: WriteOptions = {}): Promise<number> {
    this.#checkOpen();
    checkKey(key);
    const text = encodeValue(key, value);
    return await this.#store.transaction(
      () => this.#put(key, text, options),
      (revision) => this.#tellPut(key, text, revision),
    );
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
    return await this.#store.transaction(
      () => {
        if ((this.#store.entry(key)?.revision ?? 0) !== expected) return undefined;
        return this.#put(key, text, options);
      },
      (revision) => {
        if (revision !== undefined) this.#tellPut(key, text, revision);
      },
    );
  }

  async delete(key: string, expected?: number): Promise<boolean> {
    this.#checkOpen();
    checkKey(key);
    const removed = await this.#store.transaction(
      () => {
        const old = this.#store.entry(key);
        if (old === undefined || (expected ?? old.revision) !== old.revision) return undefined;
        return this.#store.remove(key);
      },
      (revision) => {
        if (revision !== undefined) this.#watches.tell([{ type: "deleted", key, revision }]);
      },
    );
    return removed !== undefined;
  }

  async watch(prefix: string, listener: (change: Change) => void): Promise<() => void> {
    this.#checkOpen();
    checkPrefix(prefix);
    const most = LIMITS.directoryClientsMax * LIMITS.directoryWatchesMax;
    if (this.#watches.count >= most) throw fullError("watches", most);
    let undo: (() => void) | undefined;
    await this.#store.transaction(
      () => ({ there: this.#list(prefix), revision: this.#store.revision }),
      (seen) => {
        if (this.#closing === undefined) undo = this.#watches.add(prefix, listener, seen);
      },
    );
    if (undo === undefined) throw closedError();
    return undo;
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    this.#checkOpen();
    return await this.#leases.grant(ttlMs);
  }

  async renewLease(lease: Lease): Promise<void> {
    this.#checkOpen();
    this.#leases.renew(lease.id);
  }

  async revokeLease(lease: Lease): Promise<void> {
    this.#checkOpen();
    await this.#leases.revoke(lease.id);
  }

  async putBlob(bytes: Uint8Array): Promise<string> {
    this.#checkOpen();
    return await this.#blobs.put(bytes);
  }

  async getBlob(sha256: string): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    return this.#blobs.get(sha256);
  }

  async request(subject: string, payload: Json, { timeoutMs }: RequestOptions = {}): Promise<Json> {
    this.#checkOpen();
    return await this.#requests.ask(LEADER_CALLER, subject, payload, timeoutMs);
  }

  async requestOf(caller: MemberCaller, subject: string, payload: Json): Promise<Json> {
    this.#checkOpen();
    return await this.#requests.ask(caller, subject, payload, undefined);
  }

  serve(place: SiteInstance, handler: CallHandler): () => void {
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

  /** Everything confirmed is on disk already. Idempotent. */
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
    this.#leases.close();
    this.#watches.clear();
    this.sites.close();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }

  #list(prefix: string): Entry[] {
    return [...this.#store.entries(prefix)].map(({ entry }) => entryOf(entry));
  }

  #page(prefix: string, after: string): Page {
    const entries: Entry[] = [];
    let room = LIMITS.directoryPageBytes;
    for (const { entry, bytes } of this.#store.entries(prefix, after)) {
      if (room <= 0) return { entries, more: true, revision: this.#store.revision };
      entries.push(entryOf(entry));
      room -= bytes + entry.key.length;
    }
    return { entries, more: false, revision: this.#store.revision };
  }

  #put(key: string, text: string, { lease }: WriteOptions): number {
    if (lease !== undefined && !this.#leases.has(lease.id)) throw leaseGoneError(lease.id);
    if (this.#store.keyCount >= LIMITS.directoryKeysMax && this.#store.entry(key) === undefined) {
      throw fullError("keys", LIMITS.directoryKeysMax);
    }
    return this.#store.put(key, text, lease?.id);
  }

  #tellPut(key: string, text: string, revision: number): void {
    // A copy: later modifications of the writer's value are not changes of the directory.
    this.#watches.tell([
      { type: "put", entry: { key, value: JSON.parse(text) as Json, revision } },
    ]);
  }

  #newId(): string {
    return [0, 1, 2, 3].map(() => this.#random.uint32().toString(16).padStart(8, "0")).join("");
  }
}

/** The store on disk is loaded when one is opened: who keeps a directory in memory needs none of its native code. */
async function openFolder(path: string, log: Log): Promise<DirectoryStore> {
  const { LoggedStore } = await import("./logged-store.ts");
  return new LoggedStore({ path, log });
}

function entryOf({ key, value, revision }: StoredEntry): Entry {
  return { key, value, revision };
}
