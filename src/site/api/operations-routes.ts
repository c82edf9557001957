import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { DURATION_EXPECTED, MeanderError, parseDuration } from "../../base/index.ts";
import type { SiteService } from "../site-service.ts";
import {
  logLevelRequestSchema,
  logLevelSchema,
  siteStatsSchema,
  statsViewSchema,
} from "./operations-schemas.ts";
import { json, jsonBody, route, tellOn } from "./route.ts";

/** A week: what a site keeps. */
const SINCE_MS_MAX = 7 * 86_400_000;
const SINCE_DEFAULT = "10m";
const NAMES_MAX = 32;

/** How a site is run: stats, their history, the level of its log, restart. */
export function addOperationsRoutes(app: OpenAPIHono, { operations, record }: SiteService): void {
  const here = `site ${record.name}`;
  route(
    app,
    {
      method: "get",
      path: "/api/figures",
      tag: "site",
      summary: "The site's stats, as of the last second; cheap at any number of subscribers",
      answers: { 200: answerOf("The figures", siteStatsSchema) },
    },
    async () => json(await operations.currentStats()),
  );
  route(
    app,
    {
      method: "get",
      path: "/api/stats",
      tag: "site",
      summary: "The history of the site, or of a channel at it: rates and gauges of up to a week",
      query: {
        since: `how far back: ${DURATION_EXPECTED} (${SINCE_DEFAULT}); up to 10m by the second, 2h by 10 s, 24h by the minute, 7d by 10 minutes`,
        channel: "the channel; without, the site itself",
        series: "names of series, with commas between them; without, all",
      },
      answers: { 200: answerOf("The series", statsViewSchema) },
    },
    (c) => {
      const names = c.req.query("series")?.split(",").slice(0, NAMES_MAX);
      return json(
        operations.stats({ sinceMs: sinceOf(c), channel: c.req.query("channel"), names }),
      );
    },
  );
  route(
    app,
    {
      method: "get",
      path: "/api/log-level",
      tag: "site",
      summary: "The level of the site's log",
      answers: { 200: answerOf("The level", logLevelSchema) },
    },
    () => json(operations.logLevels.view),
  );
  route(
    app,
    {
      method: "put",
      path: "/api/log-level",
      tag: "site",
      act: { what: "site.log-level", on: () => here },
      summary: "Changes the level of the site's log, temporarily or until it is changed again",
      body: { required: true, content: { "application/json": logLevelRequestSchema } },
      answers: { 200: answerOf("The level now", logLevelSchema) },
    },
    async (c) => {
      const { level, forMs } = await jsonBody(c, logLevelRequestSchema);
      tellOn(c, `${here}, level ${level}`);
      return json(await operations.logLevels.set(level, forMs));
    },
  );
  route(
    app,
    {
      method: "post",
      path: "/api/restart",
      tag: "site",
      act: { what: "site.restart", on: () => here },
      summary: "Stops the site in order, and starts it again with the same arguments and ports",
      answers: { 202: { description: "It restarts" } },
    },
    () => {
      operations.requestRestart();
      return json({ restarting: record.name }, 202);
    },
  );
}

function answerOf(
  description: string,
  schema: z.ZodType,
): { readonly description: string; readonly content: { "application/json": z.ZodType } } {
  return { description, content: { "application/json": schema } };
}

function sinceOf(c: Context): number {
  const text = c.req.query("since") ?? SINCE_DEFAULT;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= SINCE_MS_MAX) return ms;
  throw new MeanderError("request-invalid", `got ${JSON.stringify(text.slice(0, 40))}`, {
    where: "query parameter since",
    expected: `${DURATION_EXPECTED}, at most 7d`,
  });
}
