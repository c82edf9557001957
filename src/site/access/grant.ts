import { z } from "zod";
import {
  allowsSite,
  channelPatternsSchema,
  matchesChannel,
  RIGHTS,
  type Right,
  sitePatternsSchema,
  streamPatternsSchema,
  type TokenRights,
  tokenIdSchema,
  tokenNameSchema,
} from "../../session/index.ts";

/** The claims of a token that the session has signed. Whether it is valid now, a `Guard` decides. */
export interface Grant extends TokenRights {
  /** Of the token. */
  readonly id: string;
  readonly can: readonly Right[];
  /** Wall clock, ms, as `expiresAt`. */
  readonly notBefore: number;
  readonly expiresAt: number;
  /** The token that this one derives from, and is revoked with. */
  readonly via: string | undefined;
}

/** What a client wants to do. */
export interface Need {
  /** One of these is enough; none: any token of the session. */
  readonly anyOf: readonly Right[];
  /** For `watch` and `publish`. */
  readonly channel?: string | undefined;
  /** For `shell`. */
  readonly site?: string | undefined;
}

const seconds = z.number().min(0).max(8.64e12);

/** Reads the claims of a token. */
export const claimsSchema: z.ZodType<Grant> = z
  .object({
    jti: tokenIdSchema,
    sub: tokenNameSchema,
    can: z.array(z.enum(RIGHTS)).min(1).max(RIGHTS.length),
    channels: channelPatternsSchema,
    streams: streamPatternsSchema.default([]),
    sites: sitePatternsSchema.default([]),
    iat: seconds,
    nbf: seconds.optional(),
    exp: seconds,
    via: tokenIdSchema.optional(),
  })
  .transform(({ jti, sub, can, channels, streams, sites, nbf = 0, exp, via }) => ({
    ...{ id: jti, name: sub, can, channels, streams, sites, via },
    notBefore: nbf * 1000,
    expiresAt: exp * 1000,
  }));

/** Whether a grant covers a need, whatever the time is. */
export function covers(grant: Grant, { anyOf, channel, site }: Need): boolean {
  const { can, channels } = grant;
  if (anyOf.length === 0 || can.includes("administer")) return true;
  if (!anyOf.some((right) => can.includes(right))) return false;
  if (site !== undefined && !anyOf.some((right) => allowsSite(grant, right, site))) return false;
  return channel === undefined || matchesChannel(channels, channel);
}

/** A need in words: `watch news`. */
export function describeNeed({ anyOf, channel, site }: Need): string {
  if (anyOf.length === 0) return "anything in this session";
  const rights = anyOf.join(" or ");
  if (site !== undefined) return `${rights} at site ${site}`;
  return channel === undefined ? rights : `${rights} ${channel}`;
}
