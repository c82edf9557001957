import type { Entry } from "../directory.ts";

/** An entry with what only the store knows. */
export interface StoredEntry extends Entry {
  /** Id of the lease it goes with. */
  readonly lease: string | undefined;
}

/**
 * What an embedded directory keeps, and what outlives it. One directory at a time uses a store.
 *
 * Reads see everything written, durable or not; to answer with what was read, read within {@link transaction}. Writes
 * are allowed only there.
 */
export interface DirectoryStore {
  /**
   * Makes the caller the user of the store.
   *
   * @param lost called when another claims the store, as after a kill of the caller's process; the caller must not use
   *   it any more
   * @throws {MeanderError} `directory-in-use` while another process uses it
   */
  claim(lost: () => void): void;
  /**
   * Does all writes of `action` before it returns or, when that throws, none. Settles when they are durable, and so is
   * everything that `action` has read. A read-only transaction may run again when a write that it saw was rolled back.
   *
   * @param committed called when it is durable, before the promise settles, in the order of transactions
   * @throws {MeanderError} `directory-write-failed`: it was rolled back, and so was each later one that is not durable;
   *   what `action` throws
   */
  transaction<T>(action: () => T, committed?: (result: T) => void): Promise<T>;
  /** Ends the claim, if any, and closes files. */
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
  /**
   * Entries whose key starts with `prefix` and sorts after `after`, by key, with the approximate size of each in bytes.
   * Must be consumed before the next write.
   */
  entries(prefix: string, after?: string): Iterable<{ entry: StoredEntry; bytes: number }>;
  /** Sets a key to a value in JSON. The new revision. */
  put(key: string, text: string, lease: string | undefined): number;
  /** Removes a key that is there. The revision of that. */
  remove(key: string): number;

  leases(): readonly { readonly id: string; readonly ttlMs: number }[];
  putLease(id: string, ttlMs: number): void;
  /** Deletes a lease that has no keys left. Does nothing when it does not exist. */
  removeLease(id: string): void;
  /** Keys under a lease, in order. */
  keysOf(lease: string): readonly string[];

  /** A copy. */
  blob(sha256: string): Uint8Array | undefined;
  /** Keeps a blob that is not there yet; it may stay when the transaction fails. Borrows `bytes` for the call. */
  putBlob(sha256: string, bytes: Uint8Array): void;
}
