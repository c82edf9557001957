import type { Right, TokenRecord } from "../../session/index.ts";

/** A token to issue. */
export interface TokenRequest {
  /** Who it is for. */
  readonly name: string;
  readonly can: readonly Right[];
  /** Patterns, for `watch` and `publish`. */
  readonly channels: readonly string[];
  /** Patterns of streams, for `shell`, `code` and `policy`. Default: none. */
  readonly streams?: readonly string[] | undefined;
  /** Patterns of sites, for the same. Default: none. */
  readonly sites?: readonly string[] | undefined;
  readonly expiresInMs: number;
}

/** A token and its text. */
export interface MadeToken {
  readonly token: string;
  readonly record: TokenRecord;
}

/** A token in a list. */
export interface ListedToken extends TokenRecord {
  /** When it was revoked; null: it is valid. Wall clock, ms. */
  readonly revokedAt: number | null;
}
