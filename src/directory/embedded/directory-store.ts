import type { Entry } from "../directory.ts";

/** An entry with what only the store knows. */
export interface StoredEntry extends Entry {
  /** Id of the lease it goes with. */
  readonly lease: string | undefined;
}

/**
 * What an embedded directory keeps, and what outlives it. One directory at a time uses a store.
 *
 * Reads may be made at any time, writes only within {@link transaction}. Nothing but `close` takes a turn of the event loop.
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
   * Does all writes of `action`, or, when it throws, none. What it did is durable when it returns.
   *
   * @throws {MeanderError} `directory-write-failed`; what `action` throws
   */
  transaction<T>(action: () => T): T;
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
  /** Forgets a lease that has no keys left. */
  removeLease(id: string): void;
  /** Keys under a lease, in order. */
  keysOf(lease: string): readonly string[];

  /** A copy. */
  blob(sha256: string): Uint8Array | undefined;
  /** Keeps a blob that is not there yet. Borrows `bytes` for the call. */
  putBlob(sha256: string, bytes: Uint8Array): void;
}
