import type { IncomingMessage } from "node:http";
import { LIMITS } from "../../base/index.ts";
import type { HttpHead } from "./messages.ts";

/** What is known of a request before its body. */
export function headOf(request: IncomingMessage): HttpHead {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return {
    method: request.method ?? "GET",
    target: request.url ?? "/",
    headers: Object.fromEntries(headers) as Record<string, string>,
    remoteAddress: (request.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
  };
}

/** Whether a body follows the head. */
export function hasBody({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Undefined when the body is larger than allowed. */
export async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.bodyBytesMax) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop must not destroy the socket: the answer still goes out on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > LIMITS.bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
