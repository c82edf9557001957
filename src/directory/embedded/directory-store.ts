import type { Entry } from "../directory.ts";

/** An entry with what only the store knows. */
export interface StoredEntry extends Entry {
  /** Id of the lease it goes with. */
  readonly lease: string | undefined;
}

/**
 * What an embedded directory keeps, and what outlives it. One directory at a time uses a store.
 *
 * Reads see all that was written, durable or not; who answers with them makes them within {@link transaction}, too. Writes may be made
 * only there.
 */
export interface DirectoryStore {
  /**
   * Makes the caller the one that uses the store.
   *
   * @param lost called when another takes the store over, as after a kill of the caller's process; the caller does nothing more with it
   * @throws {MeanderError} `directory-in-use` where the one before is still there
   */
  claim(lost: () => void): void;
  /**
   * Does all writes of `action` before it returns, or, when that throws, none. Settles when they are durable, and so is everything that
   * `action` has seen. A transaction that only reads may be done again, when what it has seen was taken back.
   *
   * @param committed called when it is durable, before the promise settles, in the order of transactions
   * @throws {MeanderError} `directory-write-failed`: it is undone, and so is each later one that is not durable; what `action` throws
   */
  transaction<T>(action: () => T, committed?: (result: T) => void): Promise<T>;
  /** Ends the claim, if there is one, and lets go of files. */
  close(): Promise<void>;

  /** Names this directory, from its first opening on; `make` makes the name. */
  directoryId(make: () => string): string;
  /** The last revision given. */
  readonly revision: number;
  /** Keys there are. */
  readonly keyCount: number;
  /** Bytes of all blobs. */
  readonly blobBytes: number;

  /** The value is the caller's own. */
  entry(key: string): StoredEntry | undefined;
  /** Entries whose key starts with `prefix` and comes after `after`, by key; with about the bytes each takes. To be read before the next write. */
  entries(prefix: string, after?: string): Iterable<{ entry: StoredEntry; bytes: number }>;
  /** Sets a key to a value in JSON. The new revision. */
  put(key: string, text: string, lease: string | undefined): number;
  /** Removes a key that is there. The revision of that. */
  remove(key: string): number;

  leases(): readonly { readonly id: string; readonly ttlMs: number }[];
  putLease(id: string, ttlMs: number): void;
  /** Forgets a lease that has no keys left. Does nothing when there is none. */
  removeLease(id: string): void;
  /** Keys under a lease, in order. */
  keysOf(lease: string): readonly string[];

  /** A copy. */
  blob(sha256: string): Uint8Array | undefined;
  /** Keeps a blob that is not there yet; it may stay when the transaction fails. Borrows `bytes` for the call. */
  putBlob(sha256: string, bytes: Uint8Array): void;
}
