import type { SiteInstance } from "../stream/index.ts";
import type { Caller } from "./caller.ts";
import type { CallHandler } from "./site-calls.ts";

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

/**
 * An event of a watch. `synced` comes once, after the entries that existed at the start, and again after a reconnect.
 */
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
   * How long the answer may take, ms, > 0; then it throws `directory-unreachable`, and may already have taken effect.
   * Default: {@link LIMITS.directoryCallMs} over a connection, no end in the leader's own process.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Where a session keeps names, locations and configuration. Rules [D1]-[D12] and [D21] are its conformance suite.
 *
 * Every failure is a {@link MeanderError}: `directory-unreachable`, `directory-key-invalid`,
 * `directory-value-too-large`, `directory-lease-gone`, `directory-blob-missing`, `directory-no-leader`, or the leader's
 * refusal.
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
  /**
   * [D6] Reports the existing entries, then `synced`, then every change in order. Calls never overlap. Returns a
   * function that ends the watch.
   */
  watch(prefix: string, listener: (change: Change) => void): Promise<() => void>;
  /** [D7] */
  grantLease(ttlMs: number): Promise<Lease>;
  /** [D7] Restarts the lease's time to live. @throws `directory-lease-gone` */
  renewLease(lease: Lease): Promise<void>;
  /** [D7] Ends the lease and removes its keys. */
  revokeLease(lease: Lease): Promise<void>;
  /** [D8] Keeps bytes (at most 16 MiB) under their sha-256, in hex. */
  putBlob(bytes: Uint8Array): Promise<string>;
  getBlob(sha256: string): Promise<Uint8Array | undefined>;
  /** [D9] Asks the leader. Its refusal is thrown as the MeanderError it made. */
  request(subject: string, payload: Json, options?: RequestOptions): Promise<Json>;
  /**
   * [D21] Sets the handler of the leader's calls to this site, on every connection from now on. One site instance at a
   * time: another one replaces it. Returns a function that removes the handler.
   *
   * @throws {MeanderError} `directory-closed`
   */
  serve(place: SiteInstance, handler: CallHandler): () => void;
  /** [D10] Reports connects and disconnects, the present state first. Returns an unsubscribe function. */
  onStatus(listener: (status: DirectoryStatus) => void): () => void;
}

/**
 * Answers requests, at the leader. Thrown MeanderErrors reach the asker with code and message.
 *
 * @param caller [D24] who asks: what the payload says of that is a claim
 */
export type RequestHandler = (subject: string, payload: Json, caller: Caller) => Promise<Json>;
