import type { HttpRequest, HttpResponse } from "../http/messages.ts";
import type { SiteService } from "../site-service.ts";
import type { AppOptions } from "./app.ts";

type Answer = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * Answers every HTTP request to a site, as `createApp` does. The API is loaded by the first request that needs it: a
 * site that
 * is asked only for its health starts sooner and uses less memory.
 */
export function answerRequests(site: SiteService, options: AppOptions): Answer {
  let app: Promise<Answer> | undefined;
  const load = async (): Promise<Answer> => {
    const { createApp } = await import("./app.ts");
    return createApp(site, options);
  };
  return async (request) => {
    if (app === undefined && isHealth(request)) {
      const health = await site.health().catch(() => undefined);
      if (health !== undefined) return jsonResponse(health);
    }
    app ??= load();
    return (await app)(request);
  };
}

function isHealth({ method, target }: HttpRequest): boolean {
  return method === "GET" && /^\/health(\?|$)/.test(target);
}

function jsonResponse(value: unknown): HttpResponse {
  return {
    status: 200,
    headers: { "cache-control": "no-store", "content-type": "application/json" },
    body: JSON.stringify(value),
  };
}
