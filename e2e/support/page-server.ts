import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
};

/** A web server that has nothing to do with any site: with a user's own pages. */
export interface PageServer extends AsyncDisposable {
  readonly port: number;
  /** Also serves this, at that path. */
  add(path: string, html: string): void;
}

/** @param folder files served below `/` */
export async function servePages(folder?: string): Promise<PageServer> {
  const pages = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    try {
      const name = path.endsWith("/") ? `${path}index.html` : path;
      const body = pages.get(path) ?? (await readFile(join(folder ?? "/nowhere", name)));
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "text/html" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    add: (path, html) => void pages.set(path, html),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
