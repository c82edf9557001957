import type { Right, TokenRecord } from "../../session/index.ts";

/** A token to issue. */
export interface TokenRequest {
  /** Who it is for. */
  readonly name: string;
  readonly can: readonly Right[];
  readonly channels: readonly string[];
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
