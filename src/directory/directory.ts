import type { CallHandler, ServedPlace } from "./site-calls.ts";

/** A JSON value: what the directory keeps. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** One key of the directory. */
export interface Entry {
  /** Segments of letters, digits, `-`, `_`, `.` and `~`, divided by `/`; at most 200 characters. */
  readonly key: string;
  readonly value: Json;
  /** Grows with every change of the directory; unique per change. >= 1. */
  readonly revision: number;
}

/** What a watch tells. `synced` comes once, after the entries that were there at the start; again after a reconnect. */
export type Change =
  | { readonly type: "put"; readonly entry: Entry }
  | { readonly type: "deleted"; readonly key: string; readonly revision: number }
  | { readonly type: "synced" };

/** How the directory is doing, as seen from here. */
export type DirectoryStatus =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly reason: string };

/** A lease: keys put under it vanish when it runs out or is revoked. */
export interface Lease {
  readonly id: string;
  readonly ttlMs: number;
}

/** Options of a write. */
export interface WriteOptions {
  readonly lease?: Lease | undefined;
}

/** Options of a request. */
export interface RequestOptions {
  /**
   * How long the answer may take, ms, > 0; then it throws `directory-unreachable`, and may have been done.
   * Default: {@link LIMITS.directoryCallMs} over a connection, no end in the leader's own process.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Where a session keeps names, locations and configuration. Rules [D1]-[D12] and [D21] are the conformance suite's.
 *
 * Every failure is a {@link MeanderError}: `directory-unreachable`, `directory-key-invalid`, `directory-value-too-large`,
 * `directory-lease-gone`, `directory-blob-missing`, `directory-no-leader`, or what the leader answered.
 */
export interface Directory extends AsyncDisposable {
  /** [D1] */
  get(key: string): Promise<Entry | undefined>;
  /** [D2] Entries whose key starts with `prefix`, by key. */
  list(prefix: string): Promise<readonly Entry[]>;
  /** [D3] Sets a key, whatever it was. The new revision. */
  put(key: string, value: Json, options?: WriteOptions): Promise<number>;
  /** [D4] Sets a key if its revision is `expected` (0: absent). The new revision, or undefined when it is another. */
  compareAndSet(
    key: string,
    expected: number,
    value: Json,
    options?: WriteOptions,
  ): Promise<number | undefined>;
  /** [D5] Removes a key (if its revision is `expected`, when given). False when there was nothing to remove. */
  delete(key: string, expected?: number): Promise<boolean>;
  /** [D6] First the entries there are, then `synced`, then every change in order. Calls never overlap. Undone by the returned function. */
  watch(prefix: string, listener: (change: Change) => void): Promise<() => void>;
  /** [D7] */
  grantLease(ttlMs: number): Promise<Lease>;
  /** [D7] Starts the time of the lease anew. @throws `directory-lease-gone` */
  renewLease(lease: Lease): Promise<void>;
  /** [D7] Ends the lease and removes its keys. */
  revokeLease(lease: Lease): Promise<void>;
  /** [D8] Keeps bytes (at most 16 MiB) under their sha-256, in hex. */
  putBlob(bytes: Uint8Array): Promise<string>;
  getBlob(sha256: string): Promise<Uint8Array | undefined>;
  /** [D9] Asks the leader. Its refusal is thrown as the MeanderError it made. */
  request(subject: string, payload: Json, options?: RequestOptions): Promise<Json>;
  /**
   * [D21] Sets who answers the leader's calls to this site; on every connection from now on. One place at a time: another one takes over.
   * Undone by the returned function.
   *
   * @throws {MeanderError} `directory-closed`
   */
  serve(place: ServedPlace, handler: CallHandler): () => void;
  /** [D10] Tells of connects and disconnects from now on, the present state first. Undone by the returned function. */
  onStatus(listener: (status: DirectoryStatus) => void): () => void;
}

/** Answers requests, at the leader. Thrown MeanderErrors reach the asker with code and message. */
export type RequestHandler = (subject: string, payload: Json) => Promise<Json>;
