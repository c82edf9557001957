import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { LIMITS, MeanderError } from "../../base/index.ts";
import { RIGHTS } from "../../session/index.ts";
import { bearerOf } from "../access/bearer.ts";
import type { SiteService } from "../site-service.ts";
import { json, jsonBody, type RouteAccess, route, tellOn } from "./route.ts";

const name = z.string().max(80).openapi({ description: "who the token is for" });
const can = z.array(z.enum(RIGHTS)).min(1).max(RIGHTS.length);
const channels = z
  .array(z.string().max(100))
  .max(LIMITS.channelPatternsMax)
  .openapi({ description: "channels, such as news, sports/* (all below) or * (all)" });
const streams = z
  .array(z.string().max(80))
  .max(LIMITS.channelPatternsMax)
  .openapi({ description: "streams, such as radio-* or *, for shell, code and policy" });
const sites = z
  .array(z.string().max(40))
  .max(LIMITS.channelPatternsMax)
  .openapi({ description: "sites, such as north or *, for shell, code and policy" });
const wall = z.number();

const recordSchema = z.strictObject({
  id: z.string(),
  name,
  can,
  channels,
  streams,
  sites,
  createdAt: wall,
  expiresAt: wall,
});
const tokenRequestSchema = z
  .strictObject({
    name,
    can,
    channels: channels.default([]),
    streams: streams.default([]),
    sites: sites.default([]),
    expiresInMs: z.number().min(1_000).max(LIMITS.tokenMsMax),
  })
  .openapi("TokenRequest");
const madeTokenSchema = z
  .strictObject({ token: z.string(), record: recordSchema })
  .openapi("MadeToken");
const tokenListSchema = z
  .strictObject({
    tokens: z.array(recordSchema.extend({ revokedAt: wall.nullable() })),
  })
  .openapi("Tokens");
const revokedSchema = z.strictObject({ revoked: z.array(z.string()) }).openapi("RevokedTokens");

const TOKENS = "the session's tokens";

/** Required where the site is open, too: a token made then is valid when the site no longer is. */
const ALWAYS: RouteAccess = { anyOf: ["administer"], always: true };

/** Making, listing and revoking the tokens of the session. */
export function addTokenRoutes(app: OpenAPIHono, { tokens }: SiteService): void {
  route(
    app,
    {
      method: "post",
      path: "/api/tokens",
      tag: "tokens",
      access: ALWAYS,
      act: { what: "token.create", on: () => TOKENS },
      summary: "Makes a token of the session; its text is returned only here",
      body: { required: true, content: { "application/json": tokenRequestSchema } },
      answers: {
        201: { description: "The token", content: { "application/json": madeTokenSchema } },
      },
    },
    async (c) => {
      const request = await jsonBody(c, tokenRequestSchema);
      const made = await tokens.create(authorityOf(c), request);
      const { id, name: whose, can: rights } = made.record;
      tellOn(c, `token ${id} of ${whose}: ${rights.join(", ")}`);
      return json(made, 201);
    },
  );
  route(
    app,
    {
      method: "get",
      path: "/api/tokens",
      tag: "tokens",
      access: ALWAYS,
      act: { what: "token.list", on: () => TOKENS, isNoted: true },
      summary: "The tokens of the session that have not expired, without their text",
      answers: {
        200: { description: "The tokens", content: { "application/json": tokenListSchema } },
      },
    },
    async (c) => json({ tokens: await tokens.list(authorityOf(c)) }),
  );
  route(
    app,
    {
      method: "delete",
      path: "/api/tokens",
      tag: "tokens",
      access: ALWAYS,
      act: { what: "token.revoke", on: () => TOKENS },
      summary: "Revokes a token, or all of a name; everything that they allowed ends, at all sites",
      query: { id: "of the token", name: "of the tokens" },
      answers: {
        200: { description: "Their ids", content: { "application/json": revokedSchema } },
      },
    },
    async (c) => {
      const [id, of] = [c.req.query("id"), c.req.query("name")];
      if ((id === undefined) === (of === undefined)) {
        throw new MeanderError("request-invalid", "exactly one of id and name is needed", {
          where: "query parameters id, name",
          expected: "?id=ID or ?name=NAME",
        });
      }
      const revoked = await tokens.revoke(authorityOf(c), { id, name: of });
      tellOn(
        c,
        of === undefined ? `token ${revoked.join(", ")}` : `${revoked.length} tokens of ${of}`,
      );
      return json({ revoked });
    },
  );
}

/** The leader decides itself whether the token allows it. */
function authorityOf(c: Context): string {
  return bearerOf(c.req.header("authorization")) ?? "";
}
