/**
 * Who may do what in a session, as its directory has it.
 *
 * | key | value |
 * |---|---|
 * | `access/policy` | {@link AccessPolicy} |
 * | `access/tokens/ID` | {@link TokenRecord}: what is known of a token, never the token itself |
 * | `access/revoked/ID` | {@link Revocation} |
 */
import { z } from "zod";
import { LIMITS } from "../base/index.ts";
import { nameSchema } from "./name-schema.ts";

/** What a token may allow. `administer` includes the others, on all channels. */
export const RIGHTS = ["watch", "publish", "join", "administer"] as const;
export type Right = (typeof RIGHTS)[number];

/** Whether tokens are asked for. */
export type AccessMode = "open" | "tokens";

/** The rules of a session; its sites add how they were started. */
export interface AccessPolicy {
  readonly mode: AccessMode;
  /** Patterns of channels that anybody may watch. */
  readonly public: readonly string[];
  /** The key that tokens are checked with (Ed25519). */
  readonly key: {
    /** Its thumbprint (RFC 7638): what tokens name it by. */
    readonly id: string;
    /** The public half, base64url. */
    readonly x: string;
  };
}

/** What a session knows of a token that it has made. */
export interface TokenRecord {
  readonly id: string;
  /** Whom it is for. */
  readonly name: string;
  readonly can: readonly Right[];
  /** Patterns: `news`, `sports/*` (all below), `*` (all). */
  readonly channels: readonly string[];
  /** Wall clock, ms, as the others. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A token that no longer counts. Kept until it would have expired. */
export interface Revocation {
  readonly at: number;
  readonly expiresAt: number;
}

/** A pattern of channel names. */
export const channelPatternSchema: z.ZodType<string> = z
  .string()
  .max(100, "expected at most 100 characters")
  .regex(
    /^(?:\*|(?!\.)[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*(\/\*)?)$/,
    "expected a channel's name, a name followed by /*, or *",
  );

/** Several patterns. */
export const channelPatternsSchema: z.ZodType<readonly string[]> = z
  .array(channelPatternSchema)
  .max(LIMITS.channelPatternsMax, `expected at most ${LIMITS.channelPatternsMax} patterns`);

/** An id of a token. */
export const tokenIdSchema: z.ZodType<string> = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}$/, "expected the id of a token");

/** Whom a token is for. */
export const tokenNameSchema: z.ZodType<string> = nameSchema("token");

/** Reads the value of `access/policy`. */
export const accessPolicySchema: z.ZodType<AccessPolicy> = z.object({
  mode: z.enum(["open", "tokens"]),
  public: channelPatternsSchema,
  key: z.object({
    id: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  }),
});

const wall = z.number().min(0).max(8.64e15);

/** Reads the value of `access/tokens/ID`. */
export const tokenRecordSchema: z.ZodType<TokenRecord> = z.object({
  id: tokenIdSchema,
  name: tokenNameSchema,
  can: z.array(z.enum(RIGHTS)).min(1).max(RIGHTS.length),
  channels: channelPatternsSchema,
  createdAt: wall,
  expiresAt: wall,
});

/** Reads the value of `access/revoked/ID`. */
export const revocationSchema: z.ZodType<Revocation> = z.object({ at: wall, expiresAt: wall });

/** Whether one of the patterns means the channel. */
export function matchesChannel(patterns: readonly string[], channel: string): boolean {
  return patterns.some(
    (pattern) =>
      pattern === "*" ||
      pattern === channel ||
      (pattern.endsWith("/*") && channel.startsWith(pattern.slice(0, -1))),
  );
}
