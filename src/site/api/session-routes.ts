import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Clock } from "../../base/index.ts";
import type { SiteService } from "../site-service.ts";
import { json, rawJson, route } from "./route.ts";
import {
  healthSchema,
  recordingsSchema,
  resumptionSchema,
  routesDocumentSchema,
  sessionViewSchema,
  siteViewSchema,
  streamsViewSchema,
} from "./schemas.ts";

/** A site, its session, and its configuration. */
export function addSessionRoutes(app: OpenAPIHono, site: SiteService, clock: Clock): void {
  const here = `site ${site.record.name}`;
  const json200 = (
    description: string,
    schema:
      | typeof healthSchema
      | typeof recordingsSchema
      | typeof resumptionSchema
      | typeof sessionViewSchema
      | typeof siteViewSchema
      | typeof streamsViewSchema,
  ) => ({
    200: { description, content: { "application/json": schema } },
  });
  route(
    app,
    {
      method: "get",
      path: "/health",
      tag: "site",
      access: "open",
      summary: "Whether the site runs, and whether it reaches its directory",
      answers: json200("The site runs", healthSchema),
    },
    async () => json(await site.health()),
  );
  route(
    app,
    {
      method: "get",
      path: "/api/recordings",
      tag: "site",
      summary:
        "The recordings that this site makes by its configuration: files, length, what is missing and why",
      answers: json200("The recordings", recordingsSchema),
    },
    () => json({ recordings: site.recordings() }),
  );
  route(
    app,
    {
      method: "get",
      path: "/api/session",
      tag: "session",
      access: { anyOf: [] },
      summary: "The sites and channels of the session, as this site knows them",
      answers: json200("The session", sessionViewSchema),
    },
    () => json(site.session()),
  );
  route(
    app,
    {
      method: "get",
      path: "/api/site",
      tag: "site",
      summary: "This site now: channels, inputs, subscribers, links, counts",
      answers: json200("The site", siteViewSchema),
    },
    async () =>
      json({
        site: site.record,
        snapshot: await site.snapshot(),
        process: processView(site.record.startedAt, clock),
      }),
  );
  route(
    app,
    {
      method: "get",
      path: "/api/streams",
      tag: "streams",
      summary:
        "The streams of the session, as this site knows them, and what it has counted of its own",
      answers: json200("The streams", streamsViewSchema),
    },
    () => json(site.streams()),
  );
  const routes = {
    description: "The routes of this site",
    content: { "application/json": routesDocumentSchema },
  };
  route(
    app,
    {
      method: "get",
      path: "/api/config",
      tag: "site",
      summary: "The routes of this site: upstreams, stacks, recordings and limits",
      answers: { 200: routes },
    },
    () => json(site.routes()),
  );
  route(
    app,
    {
      method: "put",
      path: "/api/config",
      tag: "site",
      act: { what: "config.set", on: () => here },
      summary:
        "Replaces the routes of this site; answers when they are applied, without disturbing what stays",
      body: { required: true, content: { "application/json": routesDocumentSchema.partial() } },
      answers: { 200: routes },
    },
    async (c, grant) => {
      const wanted = await rawJson(c);
      await site.judgeConfiguration(grant);
      return json(await site.setRoutes(wanted, "body"));
    },
  );
  route(
    app,
    {
      method: "post",
      path: "/api/streams/resume",
      tag: "streams",
      act: { what: "site.resume", on: () => here },
      summary: "Has the streams of this site go on, where they are halted; answers when they do",
      answers: json200("What became of them", resumptionSchema),
    },
    async () => json(await site.resumeStreams()),
  );
  route(
    app,
    {
      method: "post",
      path: "/api/stop",
      tag: "site",
      act: { what: "site.stop", on: () => here },
      summary: "Stops the site, in order",
      answers: { 202: { description: "The site stops" } },
    },
    () => {
      site.requestStop();
      return json({ stopping: site.record.name }, 202);
    },
  );
}

function processView(
  startedAt: number,
  clock: Clock,
): { cpuSeconds: number; rssBytes: number; uptimeSeconds: number } {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    rssBytes: process.memoryUsage.rss(),
    uptimeSeconds: Math.max(0, (clock.wall() - startedAt) / 1000),
  };
}
