import { type Clock, MeanderError } from "../../base/index.ts";
import { auditOutcome } from "../../trust/index.ts";
import { bearerOf } from "../access/bearer.ts";
import type { GateRules } from "../http/gate.ts";
import { errorResponse, type HttpRequest, type HttpResponse, LET_IN } from "../http/messages.ts";
import { StaticFiles } from "../http/static-files.ts";
import { Metrics } from "../observe/metrics.ts";
import type { SiteService } from "../site-service.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import { addChannelRoutes, REMOTE_ADDRESS } from "./channel-routes.ts";
import { addDemoRoutes } from "./demo-routes.ts";
import { addOperationsRoutes } from "./operations-routes.ts";
import { addOutputRoutes } from "./output-routes.ts";
import { authorise, isLetIn, json, newRouter, type RouteBindings } from "./route.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { addTokenRoutes } from "./token-routes.ts";
import { addTraceRoutes } from "./trace-routes.ts";

/** What the API needs besides the site. */
export interface AppOptions {
  readonly clock: Clock;
  /** Folder of the console and the player. */
  readonly webRoot: string;
  /** Which pages may show the site's player; absent: its own. */
  readonly embedders?: Pick<GateRules, "allowed" | "local">;
}

/** Answers every HTTP request to a site: its API, its metrics, its pages. */
export function createApp(
  site: SiteService,
  options: AppOptions,
): (request: HttpRequest) => Promise<HttpResponse> {
  const files = new StaticFiles(options.webRoot, options.embedders);
  const metrics = new Metrics(site.record.name);
  const app = newRouter();
  addSessionRoutes(app, site, options.clock);
  addChannelRoutes(app, site);
  addOutputRoutes(app, site);
  addOperationsRoutes(app, site);
  addTokenRoutes(app, site);
  addTraceRoutes(app, site);
  addAuditRoutes(app, site, options.clock);
  if (site.demo !== undefined) addDemoRoutes(app, site.demo);
  app.get("/metrics", async (c) => {
    await authorise(c);
    const text = await metrics.render(
      await site.snapshot(),
      { isConnected: site.session().directory === "connected", refused: site.directoryRefused },
      site.streams(),
      (await site.operations.currentStats()).loopMs,
      site.audit.counts,
    );
    return new Response(text, {
      headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
    });
  });
  app.get("/openapi.json", () =>
    json(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "Meander site",
          version: site.record.version,
          description:
            "Publish, watch and route live channels. Errors say what was wrong, where, what was expected and what to do next.",
        },
      }),
    ),
  );
  // Any other path may be a file.
  app.notFound(() => new Response(null, { status: 404, headers: { [NO_ROUTE]: "1" } }));
  return async (request) => {
    const asked = requestOf(request);
    if (asked === undefined) return errorResponse(400, unreadable(request));
    const response = await app.fetch(asked, bindingsOf(site, request, options.clock));
    if (response.headers.has(NO_ROUTE)) return files.answer(request);
    if (isLetIn(response)) return { status: LET_IN, headers: {}, body: "" };
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: new Uint8Array(await response.arrayBuffer()),
    };
  };
}

const NO_ROUTE = "x-meander-no-route";
const BODILESS = ["GET", "HEAD"];

/** Authorisation, for the operations that require it, and what is noted of them. */
function bindingsOf(
  { guard, audit }: SiteService,
  { headers, remoteAddress, judgeOnly }: HttpRequest,
  clock: Clock,
): RouteBindings {
  const asker = { token: bearerOf(headers["authorization"]), address: remoteAddress };
  return {
    judgeOnly: judgeOnly === true,
    authorise: async (need, options) => {
      const decision = await guard.decide(asker, need, options);
      if (decision.type === "refused") throw decision.error;
      return decision.grant;
    },
    perform: async (need, grant, act, work) => {
      const began = clock.now();
      try {
        const response = await work();
        guard.noteGranted(asker, need, grant, act(), clock.now() - began);
        return response;
      } catch (error) {
        const ms = clock.now() - began;
        audit.note({
          ...{ ...guard.who(grant), from: remoteAddress, ...act() },
          ...{ ...auditOutcome(error), ms },
        });
        throw error;
      }
    },
  };
}

/** Undefined for what is valid in HTTP but not in the Fetch standard: `TRACE`, or a target such as `//`. */
function requestOf(request: HttpRequest): Request | undefined {
  const { method, target, headers, body, remoteAddress } = request;
  try {
    return new Request(new URL(target, "http://site.invalid"), {
      method,
      headers: { ...headers, [REMOTE_ADDRESS]: remoteAddress },
      ...(BODILESS.includes(method) ? {} : { body }),
    });
  } catch {
    return undefined;
  }
}

function unreadable({ method, target }: HttpRequest): MeanderError {
  return new MeanderError("request-invalid", "the request line is not valid", {
    where: `${method} ${target.slice(0, 80)}`,
    expected: "GET, PUT, POST or DELETE and a path",
  });
}
