import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpResponse } from "./messages.ts";

/** How long a browser may keep the answer to a preflight, s. */
const PREFLIGHT_S = 600;

/**
 * Writes a whole answer.
 *
 * @param origin that of a page of another origin that may read it; undefined: no page of another origin may. Never
 *   `*`, and never
 *   with credentials: a page shows a token in a header of its own [A19]
 */
export function writeAnswer(
  response: ServerResponse,
  answer: HttpResponse,
  origin: string | undefined,
): void {
  if (response.destroyed) return;
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  response.setHeader("x-content-type-options", "nosniff");
  response.appendHeader("vary", "Origin");
  if (origin !== undefined) response.setHeader("access-control-allow-origin", origin);
  if (answer.status === 413) response.setHeader("connection", "close");
  response.statusCode = answer.status;
  response.end(answer.body);
}

/** Answers a CORS preflight from a page of an admitted origin. [A19] */
export function preflight(
  request: IncomingMessage,
  response: ServerResponse,
  origin: string,
): void {
  // A page of the Internet that asks for a site in the local network, or on its own machine.
  const isPrivate = request.headers["access-control-request-private-network"] === "true";
  response.writeHead(204, {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET, PUT, POST, DELETE",
    "access-control-allow-headers": "content-type, accept, authorization",
    "access-control-max-age": `${PREFLIGHT_S}`,
    ...(isPrivate ? { "access-control-allow-private-network": "true" } : {}),
    vary: "Origin, Access-Control-Request-Private-Network",
  });
  response.end();
}
