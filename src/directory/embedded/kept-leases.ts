import { type Clock, LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import type { Lease } from "../directory.ts";
import type { KeyChange } from "../watch-mirror.ts";
import type { DirectoryStore } from "./directory-store.ts";
import { Leases } from "./leases.ts";
import { fullError, leaseGoneError } from "./refusals.ts";

/** What {@link KeptLeases} need. */
export interface KeptLeasesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  /** Keys went with their lease, durably. In the order of revisions with other changes. */
  readonly onKeysRemoved: (changes: readonly KeyChange[]) => void;
}

/** [D7] The leases of a store. */
export class KeptLeases {
  readonly #store: DirectoryStore;
  readonly #options: KeptLeasesOptions;
  readonly #running: Leases;
  #closed = false;

  constructor(store: DirectoryStore, options: KeptLeasesOptions) {
    this.#store = store;
    this.#options = options;
    this.#running = new Leases(options.clock, (id) => this.#ended(id));
  }

  /** [D14] Holders of earlier leases have their full time to come back. */
  restart(): void {
    for (const { id, ttlMs } of this.#store.leases()) this.#running.start(id, ttlMs);
  }

  has(id: string): boolean {
    return this.#running.has(id);
  }

  /** @throws {MeanderError} `directory-lease-invalid`, `directory-full`, `directory-write-failed` */
  async grant(ttlMs: number): Promise<Lease> {
    const { directoryLeaseMsMin, directoryLeaseMsMax, directoryLeasesMax } = LIMITS;
    if (!(ttlMs >= directoryLeaseMsMin && ttlMs <= directoryLeaseMsMax)) {
      throw new MeanderError("directory-lease-invalid", `got a lease of ${ttlMs} ms`, {
        where: "directory",
        expected: `${directoryLeaseMsMin} to ${directoryLeaseMsMax} ms`,
      });
    }
    if (this.#running.count >= directoryLeasesMax) throw fullError("leases", directoryLeasesMax);
    const id = this.#options.newId();
    this.#running.start(id, ttlMs);
    try {
      await this.#store.transaction(() => this.#store.putLease(id, ttlMs));
    } catch (error) {
      this.#running.stop(id);
      throw error;
    }
    return { id, ttlMs };
  }

  /** @throws {MeanderError} `directory-lease-gone` */
  renew(id: string): void {
    if (!this.#running.renew(id)) throw leaseGoneError(id);
  }

  /** @throws {MeanderError} `directory-write-failed`: the lease then has its full time again */
  async revoke(id: string): Promise<void> {
    // No key is put under it from now on, though its end may take a moment to be durable.
    const ttlMs = this.#running.stop(id);
    try {
      await this.#remove(id);
    } catch (error) {
      if (ttlMs !== undefined && !this.#closed) this.#running.start(id, ttlMs);
      throw error;
    }
  }

  /** Ends nothing, but the time of all stops. */
  close(): void {
    this.#closed = true;
    this.#running.clear();
  }

  #ended(id: string): void {
    this.#remove(id).catch((error: unknown) => {
      // The next opening of the directory finds it and ends it.
      this.#options.log.error("The keys of an ended lease could not be removed.", {
        lease: id,
        error: messageOf(error),
      });
    });
  }

  async #remove(id: string): Promise<void> {
    const store = this.#store;
    await store.transaction(
      () => {
        const removed = store
          .keysOf(id)
          .map((key): KeyChange => ({ type: "deleted", key, revision: store.remove(key) }));
        store.removeLease(id);
        return removed;
      },
      (changes) => this.#options.onKeysRemoved(changes),
    );
  }
}
