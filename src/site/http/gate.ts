import { MeanderError } from "../../base/index.ts";
import { canonicalHost, familyOf, isLoopback, LINK_PATH } from "../../transport/index.ts";
import {
  type AllowedOrigin,
  isAllowedOrigin,
  type OriginScope,
  originPartsOf,
} from "./allowed-origins.ts";

/** The player as other pages load it; what it consists of is below `/assets/`. */
const SCRIPT_PATHS = /^\/(?:meander-player\.js(?:\.map)?|assets\/[\w-]+(?:\.[\w-]+)*)$/;

const PORT_MAX = 65_535;

/** The names a site answers to, and the pages of other origins that may use it. */
export interface GateRules {
  /** Host names besides the loopback ones, lower case, without port. */
  readonly hosts: readonly string[];
  /** Origins of the session's other sites, whose pages may use everything: `http://127.0.0.1:7001`. */
  readonly origins: readonly string[];
  /** Origins that the site's owner allowed. */
  readonly allowed?: readonly AllowedOrigin[] | undefined;
  /** The site is reachable from its own machine alone: pages served there may use script and link. */
  readonly local?: boolean | undefined;
}

/** The part of a request that the gate judges. */
export interface GateRequest {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** What it is for; see {@link scopeOf}. */
  readonly scope: OriginScope;
}

/** The verdict on a request. `origin` is set when the answer must carry CORS headers. */
export type GateAnswer =
  | { readonly type: "admitted"; readonly origin: string | undefined }
  | { readonly type: "refused"; readonly error: MeanderError };

/**
 * Decides by `Host` and `Origin` whether a request is admitted. [A17] [A18]
 *
 * The Host check refuses pages whose name was made to resolve to this machine (DNS rebinding); the Origin check refuses
 * requests across origins. Tokens are judged later, and by neither.
 */
export function checkGate(rules: GateRules, { host, origin, scope }: GateRequest): GateAnswer {
  const name = host === undefined ? undefined : hostNameOf(host);
  if (
    host === undefined ||
    name === undefined ||
    !(isLoopbackName(name) || rules.hosts.some((each) => canonicalHost(each) === name))
  ) {
    return refused("host-refused", "this site does not answer to that name", {
      where: `header Host: ${host ?? "(none)"}`,
      expected: ["localhost", "127.0.0.1", ...rules.hosts].join(", "),
      next: "start the site with --open HOST to be reached under that name",
    });
  }
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) {
    return { type: "admitted", origin: undefined };
  }
  if (mayCross(rules, origin, scope)) return { type: "admitted", origin };
  const option = scope === "api" ? `api=${origin}` : origin;
  return refused("origin-refused", "this site does not allow pages of that origin", {
    where: `header Origin: ${origin}`,
    expected: "a page of this site, of another site of the session, or of an allowed origin",
    next: `start the site with --allow-origin ${option}, if that page is trusted`,
  });
}

/** What a request is for. @param target path and query @param upgrade its `Upgrade` header */
export function scopeOf(target: string | undefined, upgrade?: string | undefined): OriginScope {
  const path = (target ?? "").split(/[?#]/, 1)[0] ?? "";
  if (upgrade !== undefined) {
    return upgrade.toLowerCase() === "websocket" && path === LINK_PATH ? "link" : "api";
  }
  return SCRIPT_PATHS.test(path) ? "script" : "api";
}

/** The origins of a site's pages: its own address, and for a loopback address every way to write it. */
export function originsOf(site: {
  readonly http: { readonly host: string; readonly port: number };
  /** It speaks TLS. */
  readonly tls?: unknown;
}): readonly string[] {
  const { host, port } = site.http;
  const names = isLoopbackName(host) ? ["127.0.0.1", "localhost", "[::1]"] : [bracketed(host)];
  const scheme = site.tls === undefined ? "http" : "https";
  // As browsers write it: without the default port.
  return names.map((name) => new URL(`${scheme}://${name}:${port}`).origin);
}

/** True for names that resolve to this machine alone. */
export function isLoopbackName(name: string): boolean {
  return isLoopback(name);
}

function mayCross(rules: GateRules, origin: string, scope: OriginScope): boolean {
  if (rules.origins.includes(origin)) return true;
  if (isAllowedOrigin(rules.allowed ?? [], origin, scope)) return true;
  if (rules.local !== true || scope === "api") return false;
  const url = originPartsOf(origin);
  return url !== undefined && isLoopbackName(url.hostname.replace(/^\[|\]$/g, ""));
}

/** The name or address of a `Host` header, in lower case and canonical form; undefined: it is none. */
function hostNameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(host);
  if (match === null) return undefined;
  const [, bracketed, bare, port] = match;
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= PORT_MAX)) return undefined;
  if (bracketed === undefined) return bare?.toLowerCase();
  return familyOf(bracketed) === 6 ? canonicalHost(bracketed.toLowerCase()) : undefined;
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
