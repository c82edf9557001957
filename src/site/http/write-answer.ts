import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { HttpResponse } from "./messages.ts";
import { hasBody } from "./read-request.ts";

/** How long a browser may keep the answer to a preflight, s. */
const PREFLIGHT_S = 600;

/**
 * Writes a whole answer.
 *
 * @param origin that of a page of another origin that may read it; undefined: no page of another origin may. Never `*`,
 *   and never
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
  const { req: request } = response;
  // What is left of a body is not read for an answer that was given without it.
  if (!request.complete && hasBody(request)) {
    response.setHeader("connection", "close");
    request.resume();
  }
  response.statusCode = answer.status;
  response.end(answer.body);
}

/** Ends an upgrade with a plain HTTP answer. */
export function refuseUpgrade(socket: Duplex, response: HttpResponse): void {
  const headers = Object.entries({ ...response.headers, connection: "close" });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}\r\n${lines}\r\n${response.body}`,
  );
}

/** The answer to bytes that are not HTTP. */
export function refuseGarbage(_error: Error, socket: Duplex): void {
  if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  else socket.destroy();
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
