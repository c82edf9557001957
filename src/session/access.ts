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
import { LIMITS, matchesPattern } from "../base/index.ts";
import { nameSchema } from "./name-schema.ts";

/** What a token may allow. `administer` includes the others, on all channels, streams and sites. */
export const RIGHTS = [
  "watch",
  "publish",
  "join",
  "shell",
  "code",
  "policy",
  "administer",
] as const;
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

/** What a token allows, and to whom. */
export interface TokenRights {
  /** Whom it is for. */
  readonly name: string;
  /** Its {@link Right}s. */
  readonly can: readonly string[];
  /** Patterns, for `watch` and `publish`: `news`, `sports/*` (all below), `*` (all). */
  readonly channels: readonly string[];
  /** Patterns of streams, for `shell`, `code` and `policy`: `radio-*`, `*`. */
  readonly streams: readonly string[];
  /** Patterns of sites, for the same. */
  readonly sites: readonly string[];
}

/** What a session knows of a token that it has made. */
export interface TokenRecord extends TokenRights {
  readonly id: string;
  readonly can: readonly Right[];
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

/** Patterns of streams, in which `*` stands for any part. */
export const streamPatternsSchema: z.ZodType<readonly string[]> = patterns(
  /^[A-Za-z0-9._*-]{1,80}$/,
  "expected a stream's name, with * for any part",
);

/** Patterns of sites. */
export const sitePatternsSchema: z.ZodType<readonly string[]> = patterns(
  /^[a-z0-9*-]{1,40}$/,
  "expected a site's name, with * for any part",
);

function patterns(form: RegExp, expected: string): z.ZodType<readonly string[]> {
  return z
    .array(z.string().regex(form, expected))
    .max(LIMITS.channelPatternsMax, `expected at most ${LIMITS.channelPatternsMax} patterns`);
}

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
  // Tokens of earlier versions have neither.
  streams: streamPatternsSchema.default([]),
  sites: sitePatternsSchema.default([]),
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

/** Whether a token allows `right` on a stream, whatever else is asked of it. */
export function allowsStream(token: TokenRights, right: Right, stream: string): boolean {
  return (
    token.can.includes("administer") ||
    (token.can.includes(right) && isOneOf(token.streams, stream))
  );
}

/** Whether a token allows `right` at a site, whatever else is asked of it. */
export function allowsSite(token: TokenRights, right: Right, site: string): boolean {
  return (
    token.can.includes("administer") || (token.can.includes(right) && isOneOf(token.sites, site))
  );
}

function isOneOf(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, name));
}
