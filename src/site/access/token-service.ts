import { z } from "zod";
import { MeanderError } from "../../base/index.ts";
import type { ListedToken, MadeToken, TokenRequest } from "../../client/contract/index.ts";
import type { Json } from "../../directory/index.ts";
import { tokenRecordSchema } from "../../session/index.ts";

/** The tokens of the session, requested from the leader by any site. `authority` is the client's token. */
export interface TokenService {
  create(authority: string, request: TokenRequest): Promise<MadeToken>;
  list(authority: string): Promise<readonly ListedToken[]>;
  revoke(
    authority: string,
    which: { readonly id?: string | undefined; readonly name?: string | undefined },
  ): Promise<readonly string[]>;
}

const madeSchema: z.ZodType<MadeToken> = z.object({ token: z.string(), record: tokenRecordSchema });
const listSchema: z.ZodType<{ readonly tokens: readonly ListedToken[] }> = z.object({
  tokens: z.array(
    z.intersection(tokenRecordSchema, z.object({ revokedAt: z.number().nullable() })),
  ),
});
const revokedSchema = z.object({ revoked: z.array(z.string()) });

/** A service over the leader's answers. @param ask asks the leader */
export function tokenServiceOver(
  ask: (subject: string, payload: Json) => Promise<Json>,
): TokenService {
  return {
    create: async (authority, request) =>
      read(madeSchema, await ask("create-token", { authority, ...payloadOf(request) })),
    list: async (authority) => read(listSchema, await ask("list-tokens", { authority })).tokens,
    revoke: async (authority, { id, name }) => {
      const which = {
        ...(id === undefined ? {} : { id }),
        ...(name === undefined ? {} : { name }),
      };
      return read(revokedSchema, await ask("revoke-tokens", { authority, ...which })).revoked;
    },
  };
}

function payloadOf({ streams = [], sites = [], ...request }: TokenRequest): TokenRequest & {
  readonly streams: readonly string[];
  readonly sites: readonly string[];
} {
  return { ...request, streams, sites };
}

function read<T>(schema: z.ZodType<T>, answer: Json): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new MeanderError("directory-answer-invalid", "not an answer about tokens", {
    where: "the leading site",
    expected: "a leader of this version",
  });
}
