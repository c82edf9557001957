import { MeanderError } from "../../base/index.ts";

/**
 * What a page of another origin wants of a site: the player's script, a link to watch channels, or the API and all
 * else.
 */
export type OriginScope = "script" | "link" | "api";

const SCOPES: readonly OriginScope[] = ["script", "link", "api"];
/** What embedding a player takes. The API can change the session, so it is allowed by name only. */
const SCOPES_WITHOUT_NAME: readonly OriginScope[] = ["script", "link"];
const DEFAULT_PORT: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };
/** Labels that must follow `*.`: `*.org` would allow strangers. */
const LABELS_MIN = 2;

/** Which origins one `--allow-origin` means; structured-cloneable. */
export type OriginPattern =
  /** Any origin but `null`. */
  | { readonly type: "any" }
  /** Pages without an origin: files, sandboxed frames. Every site can make one. */
  | { readonly type: "null" }
  | {
      readonly type: "origin";
      /** `http:` or `https:` */
      readonly protocol: string;
      /** As in a URL; with `isWildcard` what follows `*.` */
      readonly host: string;
      /** One label, no more and no less, stands before `host`. */
      readonly isWildcard: boolean;
      /** Undefined: any port. */
      readonly port: string | undefined;
    };

/** Origins whose pages may use a part of a site. */
export interface AllowedOrigin {
  readonly scopes: readonly OriginScope[];
  readonly pattern: OriginPattern;
}

/**
 * Reads one `--allow-origin`: `https://a.example`, `https://*.example.org`, `http://10.0.0.5:*`, `*` or `null`, after
 * `script=`, `link=` or `api=` for that alone; without, for script and link. [A18]
 *
 * @param where names the setting in errors
 * @throws {MeanderError} `config-invalid`
 */
export function parseAllowedOrigin(text: string, where = "allowOrigin"): AllowedOrigin {
  const [, name, origin = ""] = /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? [];
  const scope = SCOPES.find((each) => each === name);
  const invalid = (what: string, expected: string): MeanderError =>
    new MeanderError("config-invalid", what, { where: `${where} ${text}`, expected });
  if (name !== undefined && scope === undefined) {
    throw invalid("not a part of a site", SCOPES.map((each) => `${each}=ORIGIN`).join(", "));
  }
  if (scope === "api" && (origin === "*" || origin === "null")) {
    throw invalid("the API cannot be allowed to pages of any origin", "api=https://HOST");
  }
  const pattern = parsePattern(origin);
  if (pattern === undefined) {
    throw invalid(
      "not an origin",
      "https://HOST, https://HOST:PORT, https://HOST:* or https://*.DOMAIN.TLD, without a path; * or null",
    );
  }
  return { scopes: scope === undefined ? SCOPES_WITHOUT_NAME : [scope], pattern };
}

/** Whether pages of `origin`, as a browser writes it in a header, may use `scope`. */
export function isAllowedOrigin(
  allowed: readonly AllowedOrigin[],
  origin: string,
  scope: OriginScope,
): boolean {
  return allowed.some(
    ({ scopes, pattern }) => scopes.includes(scope) && matchesOrigin(pattern, origin),
  );
}

/** The parts of an origin as browsers write it; undefined for `null` and for anything else. */
export function originPartsOf(origin: string): URL | undefined {
  if (!URL.canParse(origin)) return undefined;
  const url = new URL(origin);
  return url.origin === origin && url.protocol in DEFAULT_PORT ? url : undefined;
}

function matchesOrigin(pattern: OriginPattern, origin: string): boolean {
  if (pattern.type === "null") return origin === "null";
  const url = originPartsOf(origin);
  if (url === undefined) return false;
  if (pattern.type === "any") return true;
  if (url.protocol !== pattern.protocol) return false;
  if (pattern.port !== undefined && portOf(url) !== pattern.port) return false;
  if (!pattern.isWildcard) return url.hostname === pattern.host;
  const dot = url.hostname.indexOf(".");
  return dot > 0 && url.hostname.slice(dot + 1) === pattern.host;
}

function parsePattern(origin: string): OriginPattern | undefined {
  if (origin === "*") return { type: "any" };
  if (origin === "null") return { type: "null" };
  const match = /^(https?:)\/\/(\*\.)?([^*/?#@\\\s]+)(:\*)?$/i.exec(origin);
  const [, protocol, star, host, anyPort] = match ?? [];
  if (protocol === undefined || !URL.canParse(`${protocol}//${host}`)) return undefined;
  const url = new URL(`${protocol}//${host}`);
  const isWildcard = star !== undefined;
  if (isWildcard && url.hostname.split(".").length < LABELS_MIN) return undefined;
  if (anyPort !== undefined && url.port !== "") return undefined;
  const port = anyPort === undefined ? portOf(url) : undefined;
  return { type: "origin", protocol: url.protocol, host: url.hostname, isWildcard, port };
}

function portOf(url: URL): string {
  return url.port === "" ? (DEFAULT_PORT[url.protocol] ?? "") : url.port;
}
