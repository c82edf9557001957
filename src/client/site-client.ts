import { MeanderError, messageOf } from "../base/index.ts";
import type { RouteConfig } from "../session/index.ts";
import { checkChannelName } from "../session/index.ts";
import type { TlsTrust } from "../transport/index.ts";
import { connectFailure } from "./connect-failure.ts";
import type { AuditPage, AuditQuestion } from "./contract/audit.ts";
import type { DemoAction } from "./contract/demo-action.ts";
import type { LogLevel } from "./contract/log-level.ts";
import type { RecordStatus } from "./contract/recording.ts";
import type { SiteStats, StatsView } from "./contract/site-stats.ts";
import type { ListedToken, MadeToken, TokenRequest } from "./contract/tokens.ts";
import type {
  ChannelView,
  GroupSending,
  HealthView,
  LogLevelView,
  OutputPorts,
  PublishAnswer,
  ResumptionView,
  SessionView,
  SiteView,
  StreamsView,
  TraceView,
} from "./contract/views.ts";
import { type ExchangeAnswer, exchange } from "./http-exchange.ts";
import { errorSchema } from "./site-answer.ts";

/** What a program presents to a site, and how it trusts it. */
export interface SiteCredentials {
  readonly token?: string | undefined;
  /** For `https:` addresses. */
  readonly trust?: TlsTrust | undefined;
}

/** A token as the session lists it. */
export type TokenView = ListedToken;

/** How an input is to be opened. */
export interface PublishSettings {
  /** Name of the input (`main`). */
  readonly input?: string | undefined;
  /** Equal for inputs that carry the same capture (the input's name). */
  readonly source?: string | undefined;
  readonly replace?: boolean | undefined;
  /** IP addresses whose packets are accepted (the client's; for groups the first sender's). */
  readonly trusted?: readonly string[] | undefined;
  /** For groups: name or address of the interface (the one that the site listens on). */
  readonly interface?: string | undefined;
}

/**
 * Talks to the HTTP API of a site. Every method throws what the site answered, as the same MeanderError, or
 * `site-unreachable`, `site-answer-invalid`.
 */
export class SiteClient {
  /** The site's address, without a slash at the end. */
  readonly url: string;

  readonly #access: SiteCredentials;

  /** @param url `http://127.0.0.1:7000` @throws {MeanderError} `address-invalid` */
  constructor(url: string, access: SiteCredentials = {}) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new MeanderError("address-invalid", `got ${JSON.stringify(url)}`, {
        where: "address of the site",
        expected: "an address such as http://127.0.0.1:7000",
      });
    }
    this.url = new URL(url).origin;
    this.#access = access;
  }

  /** What it presents and trusts. */
  get credentials(): SiteCredentials {
    return this.#access;
  }

  /** Where viewers and sites connect: `ws://127.0.0.1:7000/link`. */
  get linkUrl(): string {
    return `${this.url.replace(/^http/, "ws")}/link`;
  }

  health(): Promise<HealthView> {
    return this.#json("GET", "/health");
  }

  session(): Promise<SessionView> {
    return this.#json("GET", "/api/session");
  }

  site(): Promise<SiteView> {
    return this.#json("GET", "/api/site");
  }

  streams(): Promise<StreamsView> {
    return this.#json("GET", "/api/streams");
  }

  /** The configured recordings of the site. */
  async recordings(): Promise<readonly RecordStatus[]> {
    const answer = await this.#json<{ readonly recordings: readonly RecordStatus[] }>(
      "GET",
      "/api/recordings",
    );
    return answer.recordings;
  }

  /** @throws {MeanderError} `channel-invalid`, as all that take a channel's name */
  async channel(name: string): Promise<ChannelView> {
    return await this.#json("GET", channelPath(name));
  }

  routes(): Promise<RouteConfig> {
    return this.#json("GET", "/api/config");
  }

  /** Stores routes, and settles when the site has applied them. Missing parts are set to their defaults. */
  setRoutes(routes: unknown): Promise<RouteConfig> {
    return this.#json("PUT", "/api/config", {
      type: "application/json",
      body: JSON.stringify(routes),
    });
  }

  async publishSdp(
    channel: string,
    sdp: string,
    settings: PublishSettings & { readonly ports: "sdp" | "assign" },
  ): Promise<PublishAnswer> {
    const path = `${channelPath(channel)}?${queryOf(settings)}&ports=${settings.ports}`;
    return await this.#json("PUT", path, { type: "application/sdp", body: sdp });
  }

  async publishData(channel: string, settings: PublishSettings = {}): Promise<PublishAnswer> {
    return await this.#json("PUT", `${channelPath(channel)}?${queryOf(settings)}&kind=data`);
  }

  async unpublish(channel: string, input = "main"): Promise<void> {
    await this.#send("DELETE", `${channelPath(channel)}?input=${encodeURIComponent(input)}`);
  }

  /** Publishes one message. @param content text, or bytes, which are published as they are */
  async sendMessage(
    channel: string,
    contentType: string,
    content: string | Uint8Array,
  ): Promise<void> {
    checkChannelName(channel);
    const path = `/api/messages/${encodeURIComponent(channel)}`;
    await this.#send("POST", path, { type: contentType, body: content });
  }

  async addOutput(
    channel: string,
    host: string,
    ports: OutputPorts,
    sending?: GroupSending,
  ): Promise<{ id: number; sdp: string }> {
    checkChannelName(channel);
    const body = JSON.stringify({ channel, host, ports, sending });
    return await this.#json("POST", "/api/outputs", { type: "application/json", body });
  }

  async removeOutput(id: number): Promise<void> {
    await this.#send("DELETE", `/api/outputs/${id}`);
  }

  async stop(): Promise<void> {
    await this.#send("POST", "/api/stop");
  }

  /** Restarts the site; settles when it has accepted that. */
  async restart(): Promise<void> {
    await this.#send("POST", "/api/restart");
  }

  /** Has the streams of the site go on, if they are halted. */
  async resumeStreams(): Promise<ResumptionView> {
    return await this.#json("POST", "/api/streams/resume");
  }

  /** The site's stats, as of the last second. */
  currentStats(): Promise<SiteStats> {
    return this.#json("GET", "/api/figures");
  }

  /** The history of the site, or of a channel there. @param since such as `1h` */
  stats(since: string, channel?: string): Promise<StatsView> {
    const query = new URLSearchParams({ since, ...(channel === undefined ? {} : { channel }) });
    return this.#json("GET", `/api/stats?${query}`);
  }

  /** What `trace` modules of the site's links remember. @param last events of each link at most */
  trace(last: number, link?: string): Promise<TraceView> {
    const query = new URLSearchParams({
      last: `${last}`,
      ...(link === undefined ? {} : { link }),
    });
    return this.#json("GET", `/api/trace?${query}`);
  }

  /** Records of the site's audit log, the oldest first. Requires a token that allows `administer`. */
  audit({ denied, ...question }: AuditQuestion = {}): Promise<AuditPage> {
    const query = new URLSearchParams(denied === true ? { denied: "1" } : {});
    for (const [name, value] of Object.entries(question))
      if (value !== undefined) query.set(name, `${value}`);
    return this.#json("GET", `/api/audit?${query}`);
  }

  logLevel(): Promise<LogLevelView> {
    return this.#json("GET", "/api/log-level");
  }

  /** @param forMs undefined: until it is changed again */
  setLogLevel(level: LogLevel, forMs?: number): Promise<LogLevelView> {
    return this.#json("PUT", "/api/log-level", {
      type: "application/json",
      body: JSON.stringify({ level, forMs }),
    });
  }

  /** Has the session issue a token. Requires a token that allows `administer`, like the following. */
  createToken(request: TokenRequest): Promise<MadeToken> {
    const body = JSON.stringify(request);
    return this.#json("POST", "/api/tokens", { type: "application/json", body });
  }

  /** The tokens that have not expired, oldest first. */
  async tokens(): Promise<readonly TokenView[]> {
    return (await this.#json<{ tokens: TokenView[] }>("GET", "/api/tokens")).tokens;
  }

  /** Revokes one token, or all of a name. Returns the ids of those that were valid until now. */
  async revokeTokens(
    which: { readonly id: string } | { readonly name: string },
  ): Promise<string[]> {
    const query = new URLSearchParams(which as Record<string, string>);
    return (await this.#json<{ revoked: string[] }>("DELETE", `/api/tokens?${query}`)).revoked;
  }

  async demo(site: string, action: DemoAction): Promise<void> {
    await this.#send("POST", `/api/demo/sites/${encodeURIComponent(site)}/${action}`);
  }

  async #json<T>(
    method: string,
    path: string,
    content?: { type: string; body: string },
  ): Promise<T> {
    const response = await this.#send(method, path, content);
    try {
      return JSON.parse(response.body) as T;
    } catch (cause) {
      throw answerInvalid(`${this.url}${path}`, cause);
    }
  }

  async #send(
    method: string,
    path: string,
    content?: { type: string; body: string | Uint8Array },
  ): Promise<ExchangeAnswer> {
    const response = await this.#exchange(method, path, content);
    if (response.status >= 200 && response.status < 300) return response;
    const parsed = errorSchema.safeParse(jsonOf(response.body));
    if (!parsed.success) throw answerInvalid(`${this.url}${path}`, `status ${response.status}`);
    const { code, message, where, expected, next } = parsed.data.error;
    throw new MeanderError(code, message, {
      ...(where === undefined ? {} : { where }),
      ...(expected === undefined ? {} : { expected }),
      ...(next === undefined ? {} : { next }),
    });
  }

  async #exchange(
    method: string,
    path: string,
    content: { type: string; body: string | Uint8Array } | undefined,
  ): Promise<ExchangeAnswer> {
    const { token, trust } = this.#access;
    const headers = {
      ...(content === undefined ? {} : { "content-type": content.type }),
      // Never in the URL: URLs end up in logs and histories.
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    try {
      return await exchange(this.url + path, { method, headers, body: content?.body, trust });
    } catch (cause) {
      if (cause instanceof MeanderError && cause.code.startsWith("tls-")) throw cause;
      throw new MeanderError("site-unreachable", `no site answers: ${connectFailure(cause)}`, {
        where: this.url,
        next: "start it with `meander site` or `meander demo`, or name another with --site",
        cause,
      });
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A URL would normalise `../x` and lead elsewhere. @throws {MeanderError} `channel-invalid` */
function channelPath(name: string): string {
  checkChannelName(name);
  return `/channels/${name.split("/").map(encodeURIComponent).join("/")}`;
}

function queryOf(settings: PublishSettings): string {
  const { input = "main", source = input, replace = false, trusted, interface: on } = settings;
  const query = new URLSearchParams({ input, source, replace: String(replace) });
  if (trusted !== undefined) query.set("trusted", trusted.join(","));
  if (on !== undefined) query.set("interface", on);
  return query.toString();
}

function answerInvalid(where: string, cause: unknown): MeanderError {
  return new MeanderError("site-answer-invalid", `not an answer of a site: ${messageOf(cause)}`, {
    where,
    expected: "a Meander site at that address",
    cause,
  });
}
