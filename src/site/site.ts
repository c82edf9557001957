import { join } from "node:path";
import { type Clock, type Log, MeanderError } from "../base/index.ts";
import type {
  ChannelView,
  GroupSending,
  HealthView,
  OutputPorts,
  PlaneSnapshot,
  PublishAnswer,
  RecordStatus,
  ResumptionView,
  SessionView,
  StreamsView,
} from "../client/contract/index.ts";
import { linkUrlOf, packageRoot, siteUrlOf } from "../client/index.ts";
import type { RouteConfig, SiteRecord } from "../session/index.ts";
import { Shell } from "../session/shell/index.ts";
import type { Grant } from "./access/grant.ts";
import type { Guard } from "./access/guard.ts";
import { keepPrivate } from "./access/private-folder.ts";
import type { TokenService } from "./access/token-service.ts";
import { answerRequests } from "./api/answer-requests.ts";
import type { SiteAudit } from "./audit/site-audit.ts";
import type { SiteOperations } from "./operations/site-operations.ts";
import { readOwnPolicy } from "./own-policy.ts";
import type { Plane } from "./plane/plane.ts";
import type { PlaneEvent } from "./plane-control.ts";
import { checkRecordings } from "./record/record-requests.ts";
import { SiteLifecycle } from "./site-lifecycle.ts";
import { completeSettings, type SiteOptions, type SiteSettings } from "./site-options.ts";
import { SiteParts } from "./site-parts.ts";
import { type CompletePorts, completePorts, type SitePorts } from "./site-ports.ts";
import type { SiteSecurity } from "./site-security.ts";
import type { DemoControl, PublishRequest, SiteService } from "./site-service.ts";
import { closeSockets, gateOf, openSockets, type SiteSockets } from "./site-sockets.ts";

/** A running site: its parts, joined to a session, as one service. */
export class Site implements SiteService, AsyncDisposable {
  readonly demo: DemoControl | undefined;
  /** Settles when the site has ended: undefined after `stop`, else why. */
  readonly ended: Promise<MeanderError | undefined>;
  readonly #parts: SiteParts;
  readonly #lifecycle: SiteLifecycle;
  readonly #clock: Clock;

  /**
   * Opens the sockets, joins the session (or leads it, without `join`), and registers.
   *
   * @throws {MeanderError} `config-invalid`, `open-required`, `port-in-use`, `listen-failed`, `join-failed`,
   *   `directory-…`,
   * `records-…`
   */
  static async start(settings: SiteSettings, given: SitePorts = {}): Promise<Site> {
    const options = completeSettings(settings);
    // Invalid recordings are reported before anything is opened.
    if (options.routes !== undefined) checkRecordings(options.routes, options.recordings);
    if (options.policy !== undefined) await readOwnPolicy(options.policy);
    const ports = completePorts(given);
    await keepPrivate(options.data, ports.log);
    const sockets = await openSockets(options, ports);
    const site = new Site(options, sockets, ports);
    const webRoot = ports.webRoot ?? join(packageRoot(), "dist", "web");
    try {
      await site.#lifecycle.join(
        answerRequests(site, { clock: ports.clock, webRoot, embedders: gateOf(options) }),
      );
      return site;
    } catch (error) {
      await site.#lifecycle.abandon();
      await closeSockets(sockets);
      throw error;
    }
  }

  private constructor(options: SiteOptions, sockets: SiteSockets, ports: CompletePorts) {
    this.demo = ports.demo;
    this.#clock = ports.clock;
    this.#parts = new SiteParts(options, sockets, ports, () => this.requestStop());
    this.#lifecycle = new SiteLifecycle(this.#parts, options, ports);
    this.ended = this.#lifecycle.ended;
    sockets.plane.onEvent((event) => logPlaneEvent(event, ports.log));
    sockets.plane.onAudited((facts) => sockets.audit.note(facts));
  }

  get record(): SiteRecord {
    return this.#parts.record;
  }

  get operations(): SiteOperations {
    return this.#parts.operations;
  }

  get tokens(): TokenService {
    return this.#parts.tokens;
  }

  get audit(): SiteAudit {
    return this.#parts.audit;
  }

  /** The site's address: `http://127.0.0.1:7000`. */
  get url(): string {
    return siteUrlOf(this.record);
  }

  /** Where viewers and sites connect: `ws://127.0.0.1:7000/link`. */
  get linkUrl(): string {
    return linkUrlOf(this.record);
  }

  /** How programs of this user find the site and are admitted. */
  get local(): SiteSecurity["local"] {
    return this.#parts.security.local;
  }

  /** Decides who may do what here. */
  get guard(): Guard {
    return this.#parts.security.access.guard;
  }

  /** Reads the certificate's files again; open connections continue. Without TLS it does nothing. */
  async reloadCertificate(): Promise<void> {
    await this.#parts.security.reload();
  }

  get directoryRefused(): Readonly<Record<string, number>> {
    return this.#parts.link.refused;
  }

  session(): SessionView {
    const { link, neighbourhood, directory, router } = this.#parts;
    return {
      session: { name: link.session.name },
      self: this.record.name,
      leader: neighbourhood.leader,
      directory: directory.type,
      sites: neighbourhood.sites,
      channels: [...router.channels].sort((a, b) => (a.name < b.name ? -1 : 1)),
      demo: this.demo !== undefined,
    };
  }

  health(): Promise<HealthView> {
    return this.operations.health();
  }

  async snapshot(): Promise<PlaneSnapshot> {
    const snapshot = await this.#parts.plane.snapshot();
    // Viewers are refused in the plane, all other clients here.
    const drops: Record<string, number> = { ...snapshot.drops };
    for (const [code, count] of Object.entries(this.guard.counts.toJSON()))
      drops[code] = (drops[code] ?? 0) + count;
    return { ...snapshot, drops };
  }

  trace(options: Parameters<Plane["trace"]>[0]): ReturnType<Plane["trace"]> {
    return this.#parts.plane.trace(options);
  }

  streams(): StreamsView {
    const { views, counts } = this.#parts.streams;
    return { streams: views, counts };
  }

  resumeStreams(): Promise<ResumptionView> {
    return this.#parts.streams.resume();
  }

  recordings(): readonly RecordStatus[] {
    return this.#parts.recordings.statuses;
  }

  async channel(name: string): Promise<ChannelView> {
    const channel = await this.#parts.router.find(name);
    if (channel === undefined) {
      throw new MeanderError("channel-unknown", "no channel of the session has that name", {
        where: `channel ${name}`,
        next: "publish it, or see /api/session for the channels of the session",
      });
    }
    const { channels } = await this.#parts.plane.snapshot();
    return { channel, snapshot: channels.find((each) => each.name === name) ?? null };
  }

  publishSdp(
    request: PublishRequest,
    sdp: string,
    ports: "sdp" | "assign",
  ): Promise<PublishAnswer> {
    return this.#parts.gateway.publishSdp(request, sdp, ports);
  }

  publishData(request: PublishRequest): Promise<PublishAnswer> {
    return this.#parts.gateway.publishData(request);
  }

  unpublish(channel: string, input: string, grant?: Grant): Promise<void> {
    return this.#parts.gateway.unpublish(channel, input, grant);
  }

  sendMessage(channel: string, contentType: string, bytes: Uint8Array): Promise<void> {
    return this.#parts.gateway.sendMessage(channel, contentType, bytes);
  }

  receiverSdp(channel: string, host: string, ports: OutputPorts): Promise<string> {
    return this.#parts.gateway.receiverSdp(channel, host, ports);
  }

  addOutput(
    channel: string,
    host: string,
    ports: OutputPorts,
    sending?: GroupSending,
  ): Promise<{ id: number; sdp: string }> {
    return this.#parts.gateway.addOutput(channel, host, ports, sending);
  }

  removeOutput(id: number): Promise<void> {
    return this.#parts.gateway.removeOutput(id);
  }

  routes(): RouteConfig {
    return this.#parts.config.current;
  }

  judgeConfiguration(grant: Grant | undefined): Promise<void> {
    return this.#parts.streams.judgeConfiguration(this.guard.who(grant).by);
  }

  setRoutes(routes: unknown, where?: string): Promise<RouteConfig> {
    return this.#parts.config.set(routes, where);
  }

  /**
   * A shell of the session in this process: what `connect` gives, without a connection.
   *
   * @param name default: one of its own
   */
  openShell(name?: string): Shell {
    return new Shell(this.#parts.streams.openShell(name));
  }

  requestStop(): void {
    // The answer to the request goes out first.
    this.#clock.after("stop", 50, () => void this.stop());
  }

  /** Whether an unhandled rejection of this thread is an agent's, which is handled then. */
  claimRejection(reason: unknown): boolean {
    return this.#parts.streams.claimRejection(reason);
  }

  /** Has neighbours and viewers continue elsewhere, as {@link stop} does, and nothing else: for a site that has failed. */
  leave(): Promise<void> {
    return this.operations.depart();
  }

  /**
   * Moves its streams to other sites, leaves the session, has neighbours and viewers continue elsewhere, and closes the
   * sockets. Idempotent: every call settles with the same end.
   */
  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function logPlaneEvent(event: PlaneEvent, log: Log): void {
  const { type, ...fields } = event;
  const facts: Record<string, unknown> = type === "described" ? { channel: event.channel } : fields;
  if (type === "channel-wanted" || type.startsWith("subscriber-") || type === "described")
    log.debug(`plane: ${type}`, facts);
  else log.info(`plane: ${type}`, facts);
}
