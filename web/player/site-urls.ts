import { MeanderError } from "../../src/base/index.ts";

const SCHEMES: Readonly<Record<string, string>> = {
  "http:": "ws:",
  "https:": "wss:",
  "ws:": "ws:",
  "wss:": "wss:",
};

/**
 * The WebSocket addresses of sites, from what users enter: `http://127.0.0.1:7003`, `ws://host/link`, `host:7003`;
 * several separated by commas, best first.
 *
 * @param text empty: the site that served `page`
 * @param page the page's own address; whether `host:port` alone means TLS depends on it
 * @throws {MeanderError} `address-invalid`
 */
export function linkUrlsOf(text: string, page: string): string[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const own = new URL(page).origin;
  if (parts.length === 0 && own === "null") {
    throw new MeanderError("address-invalid", "no site served this page", {
      expected: "the address of a site in the attribute site",
    });
  }
  return (parts.length === 0 ? [own] : parts).map((part) => linkUrlOf(part, page));
}

function linkUrlOf(text: string, page: string): string {
  const bare = !text.includes("://");
  const secure = new URL(page).protocol === "https:";
  const invalid = (cause?: unknown): MeanderError =>
    new MeanderError("address-invalid", `"${text}" is not the address of a site`, {
      where: "attribute site",
      expected: "http://HOST:PORT or ws://HOST:PORT",
      cause,
    });
  let url: URL;
  try {
    url = new URL(bare ? `${secure ? "wss" : "ws"}://${text}` : text);
  } catch (cause) {
    throw invalid(cause);
  }
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined || url.hostname === "") throw invalid();
  const path = url.pathname === "/" ? "/link" : url.pathname;
  return `${scheme}//${url.host}${path}${url.search}`;
}
