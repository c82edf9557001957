import type { IncomingMessage } from "node:http";
import { MeanderError } from "../../base/index.ts";

/** Headers that say one thing each: with two, servers and proxies may read different ones. */
const SINGLE = new Set(["host", "origin", "authorization", "content-type", "content-length"]);

/**
 * Why a request is refused for its form, though HTTP allows it or its parser lets it pass; undefined: it is not. [A23]
 */
export function faultOfForm(
  request: Pick<IncomingMessage, "method" | "url" | "rawHeaders">,
): MeanderError | undefined {
  const { method = "", url = "", rawHeaders } = request;
  // Another host could stand in it than in the header that is judged.
  if (!url.startsWith("/") || /[^\x21-\x7e]/.test(url)) {
    return new MeanderError("request-invalid", "the request line is not valid", {
      where: `${method} ${JSON.stringify(url.slice(0, 80))}`,
      expected: "a path that begins with /",
    });
  }
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    if (SINGLE.has(name) && seen.has(name)) {
      return new MeanderError("request-invalid", "a header came twice", {
        where: `header ${name}`,
        expected: "it once",
      });
    }
    seen.add(name);
  }
  return undefined;
}
