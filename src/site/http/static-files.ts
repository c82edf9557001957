import { readFile, stat } from "node:fs/promises";
import { extname, join, resolve, sep } from "node:path";
import { MeanderError } from "../../base/index.ts";
import type { GateRules } from "./gate.ts";
import { errorResponse, type HttpRequest, type HttpResponse } from "./messages.ts";
import { pagePolicy } from "./page-policy.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".mp4": "video/mp4",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** Serves the files of one folder to GET and HEAD: the console, the player, the web component. */
export class StaticFiles {
  readonly #root: string;
  readonly #rules: Pick<GateRules, "allowed" | "local">;

  /**
   * @param root the folder; may be missing, then every answer is 404
   * @param rules which pages may show those of the site
   */
  constructor(root: string, rules: Pick<GateRules, "allowed" | "local"> = {}) {
    this.#root = resolve(root);
    this.#rules = rules;
  }

  /** Never leaves the folder: the path is decoded first, resolved, and compared with it. */
  async answer(request: HttpRequest): Promise<HttpResponse> {
    if (request.method !== "GET" && request.method !== "HEAD") return missing(request, "method");
    const path = pathOf(request.target);
    const file = path === undefined ? undefined : this.#fileOf(path);
    if (path === undefined || file === undefined) return missing(request, "path");
    const type = TYPES[extname(file).toLowerCase()];
    if (type === undefined) return missing(request, "path");
    try {
      const { size, mtimeMs } = await stat(file);
      const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`;
      // Names under /assets/ carry a hash of their content.
      const caching = path.startsWith("/assets/")
        ? "public, max-age=31536000, immutable"
        : "no-cache";
      const policy = type.startsWith("text/html") ? pagePolicy(path, this.#rules) : {};
      const headers = { "content-type": type, "cache-control": caching, etag, ...policy };
      if (request.headers["if-none-match"] === etag) return { status: 304, headers, body: "" };
      if (request.method === "HEAD")
        return { status: 200, headers: { ...headers, "content-length": `${size}` }, body: "" };
      return { status: 200, headers, body: new Uint8Array(await readFile(file)) };
    } catch {
      // Whatever prevents reading it, such as a folder of that name, it cannot be served.
      return missing(request, "path");
    }
  }

  #fileOf(path: string): string | undefined {
    if (path.includes("\0") || path.includes("\\")) return undefined;
    if (path.split("/").some((segment) => segment.startsWith("."))) return undefined;
    const file = resolve(join(this.#root, path.endsWith("/") ? `${path}index.html` : path));
    return file.startsWith(this.#root + sep) ? file : undefined;
  }
}

function pathOf(target: string): string | undefined {
  try {
    return decodeURIComponent(target.split(/[?#]/, 1)[0] ?? "/");
  } catch {
    return undefined;
  }
}

function missing(request: HttpRequest, part: "method" | "path"): HttpResponse {
  const error = new MeanderError(
    "path-unknown",
    part === "method" ? "that is not done here" : "there is nothing here",
    {
      where: `${request.method} ${request.target.slice(0, 200)}`,
      next: "see / for the console and /openapi.json for the API",
    },
  );
  return errorResponse(404, error);
}
