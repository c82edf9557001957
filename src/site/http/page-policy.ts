import type { OriginPattern } from "./allowed-origins.ts";
import type { GateRules } from "./gate.ts";

/** The page that others may show within theirs. */
const EMBEDDABLE = /^\/player\.html$/;

/**
 * Headers of a page: nothing runs in it but the site's own scripts, it is shown only within pages that may be, and its
 * address goes nowhere. [A28]
 *
 * @param path decoded; of a folder, with a slash at its end
 */
export function pagePolicy(
  path: string,
  { allowed = [], local = false }: Pick<GateRules, "allowed" | "local">,
): Readonly<Record<string, string>> {
  const mayEmbed = EMBEDDABLE.test(path);
  const embedders = [
    ...(local ? LOOPBACK_ORIGINS : []),
    ...allowed
      .filter(({ scopes }) => scopes.includes("link"))
      .flatMap(({ pattern }) => textOf(pattern)),
  ];
  const ancestors = mayEmbed ? ["'self'", ...embedders] : ["'none'"];
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self'",
    // Any host: sites join while a page is open, and the player watches whatever sites it is told to. A list of today's
    // sites would end that, and would not keep a script that runs here from telling: it could lead the tab elsewhere,
    // which no policy prevents. That none runs is what protects; whom a token is shown to, the pages decide [A29].
    "connect-src 'self' http: https: ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${ancestors.join(" ")}`,
  ];
  return {
    "content-security-policy": policy.join("; "),
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    ...(mayEmbed
      ? {}
      : { "x-frame-options": "DENY", "cross-origin-resource-policy": "same-origin" }),
  };
}

/** What pages of this machine have as their origins. */
const LOOPBACK_ORIGINS = ["http://localhost:*", "http://127.0.0.1:*"];

/**
 * An origin as `frame-ancestors` has it; none for pages without one, and for addresses of IPv6, which it cannot name
 * (CSP3, `host-source`).
 */
function textOf(pattern: OriginPattern): string[] {
  switch (pattern.type) {
    case "any":
      return ["*"];
    case "null":
      return [];
    case "origin": {
      const { protocol, host, isWildcard, port = "*" } = pattern;
      if (host.startsWith("[")) return [];
      return [`${protocol}//${isWildcard ? "*." : ""}${host}:${port}`];
    }
  }
}
