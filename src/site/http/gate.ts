import { MeanderError } from "../../base/index.ts";
import { isLoopback } from "../../transport/index.ts";

/** Names under which a site may be reached, and web pages of others that may talk to it. */
export interface GateRules {
  /** Host names besides the loopback ones, lower case, without port. */
  readonly hosts: readonly string[];
  /** Origins of the session's other sites: `http://127.0.0.1:7001`. */
  readonly origins: readonly string[];
}

/** What the gate says to a request. `origin` is set when the answer must carry CORS headers. */
export type GateAnswer =
  | { readonly type: "admitted"; readonly origin: string | undefined }
  | { readonly type: "refused"; readonly error: MeanderError };

/**
 * Decides by `Host` and `Origin` whether a request may go on.
 *
 * The Host check keeps out web pages whose name was made to resolve to this machine (DNS rebinding), the Origin check
 * those that send requests across origins.
 */
export function checkGate(
  rules: GateRules,
  headers: { readonly host: string | undefined; readonly origin: string | undefined },
): GateAnswer {
  const { host, origin } = headers;
  const name = host === undefined ? undefined : hostNameOf(host);
  if (
    host === undefined ||
    name === undefined ||
    !(isLoopbackName(name) || rules.hosts.includes(name))
  ) {
    return refused("host-refused", "this site does not answer to that name", {
      where: `header Host: ${host ?? "(none)"}`,
      expected: ["localhost", "127.0.0.1", ...rules.hosts].join(", "),
      next: "start the site with --open HOST to let others in under that name",
    });
  }
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) {
    return { type: "admitted", origin: undefined };
  }
  if (rules.origins.includes(origin)) return { type: "admitted", origin };
  return refused("origin-refused", "web pages of that origin may not talk to this site", {
    where: `header Origin: ${origin}`,
    expected: "a page of this site, or of another site of the session",
    next: "open the page from a site of the session",
  });
}

/** The origins of a site's pages: its own address, and for a loopback address every way to spell it. */
export function originsOf(site: {
  readonly http: { readonly host: string; readonly port: number };
  /** It speaks TLS. */
  readonly tls?: unknown;
}): readonly string[] {
  const { host, port } = site.http;
  const names = isLoopbackName(host) ? ["127.0.0.1", "localhost", "[::1]"] : [bracketed(host)];
  const scheme = site.tls === undefined ? "http" : "https";
  // As browsers write it: without the port that goes without saying.
  return names.map((name) => new URL(`${scheme}://${name}:${port}`).origin);
}

/** True for names that lead to this machine alone. */
export function isLoopbackName(name: string): boolean {
  return isLoopback(name);
}

function hostNameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function refused(
  code: string,
  what: string,
  details: { where: string; expected: string; next: string },
): GateAnswer {
  return { type: "refused", error: new MeanderError(code, what, details) };
}
