import type { OpenAPIHono } from "@hono/zod-openapi";
import { LIMITS, MeanderError } from "../../base/index.ts";
import type { SiteService } from "../site-service.ts";
import { json, route } from "./route.ts";
import { linkTracesSchema } from "./schemas.ts";

const LAST_DEFAULT = 100;

/** What the `trace` modules of the site's links remember. */
export function addTraceRoutes(app: OpenAPIHono, site: SiteService): void {
  route(
    app,
    {
      method: "get",
      path: "/api/trace",
      tag: "site",
      summary: "The last packets of links whose stack has a trace module",
      query: {
        link: "name of a site: only links to it",
        last: `events of each link at most, the newest (${LAST_DEFAULT})`,
      },
      answers: {
        200: {
          description: "The links that are traced",
          content: { "application/json": linkTracesSchema },
        },
      },
    },
    async (c) => {
      const last = lastOf(c.req.query("last"));
      const links = await site.trace({ link: c.req.query("link"), last });
      return json({ site: site.record.name, links });
    },
  );
}

function lastOf(text: string | undefined): number {
  if (text === undefined) return LAST_DEFAULT;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= LIMITS.traceEventsMax) return value;
  throw new MeanderError("request-invalid", `got ${JSON.stringify(text)}`, {
    where: "query parameter last",
    expected: `a whole number from 1 to ${LIMITS.traceEventsMax}`,
  });
}
