import type { Right, TokenRecord } from "../../session/index.ts";

/** What a token is to be. */
export interface TokenRequest {
  /** Whom it is for. */
  readonly name: string;
  readonly can: readonly Right[];
  readonly channels: readonly string[];
  readonly expiresInMs: number;
}

/** A token, with what is known of it. */
export interface MadeToken {
  readonly token: string;
  readonly record: TokenRecord;
}

/** A token in a list. */
export interface ListedToken extends TokenRecord {
  /** When it was revoked; null: it counts. Wall clock, ms. */
  readonly revokedAt: number | null;
}
