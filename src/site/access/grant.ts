import { z } from "zod";
import {
  channelPatternsSchema,
  matchesChannel,
  RIGHTS,
  type Right,
  tokenIdSchema,
  tokenNameSchema,
} from "../../session/index.ts";

/** The claims of a token that the session has signed. Whether it is valid now, a `Guard` decides. */
export interface Grant {
  /** Of the token. */
  readonly id: string;
  /** Who the token was issued for. */
  readonly name: string;
  readonly can: readonly Right[];
  readonly channels: readonly string[];
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
}

const seconds = z.number().min(0).max(8.64e12);

/** Reads the claims of a token. */
export const claimsSchema: z.ZodType<Grant> = z
  .object({
    jti: tokenIdSchema,
    sub: tokenNameSchema,
    can: z.array(z.enum(RIGHTS)).min(1).max(RIGHTS.length),
    channels: channelPatternsSchema,
    iat: seconds,
    nbf: seconds.optional(),
    exp: seconds,
    via: tokenIdSchema.optional(),
  })
  .transform(({ jti, sub, can, channels, nbf = 0, exp, via }) => ({
    ...{ id: jti, name: sub, can, channels, via },
    notBefore: nbf * 1000,
    expiresAt: exp * 1000,
  }));

/** Whether a grant covers a need, whatever the time is. */
export function covers({ can, channels }: Grant, { anyOf, channel }: Need): boolean {
  if (anyOf.length === 0 || can.includes("administer")) return true;
  if (!anyOf.some((right) => can.includes(right))) return false;
  return channel === undefined || matchesChannel(channels, channel);
}

/** A need in words: `watch news`. */
export function describeNeed({ anyOf, channel }: Need): string {
  if (anyOf.length === 0) return "anything in this session";
  const rights = anyOf.join(" or ");
  return channel === undefined ? rights : `${rights} ${channel}`;
}
