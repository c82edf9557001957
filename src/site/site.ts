import { join } from "node:path";
import {
  type Clock,
  delay,
  type Log,
  MeanderError,
  messageOf,
  type Random,
  SILENT,
  SystemClock,
  SystemRandom,
} from "../base/index.ts";
import type {
  ChannelView,
  GroupSending,
  HealthView,
  OutputPorts,
  PlaneSnapshot,
  PublishAnswer,
  RecordStatus,
  SessionView,
  StreamsView,
} from "../client/contract/index.ts";
import { linkUrlOf, packageRoot, packageVersion, siteUrlOf } from "../client/index.ts";
import type { DirectoryStatus } from "../directory/index.ts";
import {
  defaultRouteConfig,
  type RouteConfig,
  SiteConfig,
  type SiteRecord,
} from "../session/index.ts";
import { Shell } from "../session/shell/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { formatAddress } from "../transport/index.ts";
import { admitBy } from "./access/admit.ts";
import type { Guard } from "./access/guard.ts";
import { type TokenService, tokenServiceOver } from "./access/token-service.ts";
import { answerRequests } from "./api/answer-requests.ts";
import { ChannelRouter } from "./channel-router.ts";
import { parseAllowedOrigin } from "./http/allowed-origins.ts";
import type { GateRules } from "./http/gate.ts";
import { MediaDesk } from "./media-desk.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { gatedLog, LogGate } from "./observe/log-gate.ts";
import { WriteWatch } from "./observe/write-watch.ts";
import { SiteOperations } from "./operations/site-operations.ts";
import { LocalPlane } from "./plane/local-plane.ts";
import type { Plane } from "./plane/plane.ts";
import type { PlaneThread } from "./plane/plane-thread.ts";
import { openWorkerPlane } from "./plane/worker-plane.ts";
import type { PlaneEvent } from "./plane-control.ts";
import { checkRecordings } from "./record/record-requests.ts";
import { RecordingDesk } from "./record/recording-desk.ts";
import { SessionLink } from "./session-link.ts";
import { completeSettings, isLocal, type SiteOptions, type SiteSettings } from "./site-options.ts";
import { SiteSecurity } from "./site-security.ts";
import type { DemoControl, PublishRequest, SiteService } from "./site-service.ts";
import { StreamDesk } from "./stream-desk.ts";
import { TlsDesk } from "./tls/tls-desk.ts";

/** What a site stands on; all of it has defaults. */
export interface SitePorts {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** `worker` (default): media in a thread of its own. `local`: everything in this one. */
  readonly plane?: "worker" | "local";
  /** The thread for it, if it was started before. */
  readonly planeThread?: PlaneThread | undefined;
  /** Folder of the console and the player. */
  readonly webRoot?: string;
  /** Makes this a demo's site. */
  readonly demo?: DemoControl;
  /** Shown to the site to join, when it asks for a token. */
  readonly token?: string | undefined;
  /** What `log` goes through already, so that its level can change; absent: everything passes until it does. */
  readonly logGate?: LogGate;
  /** Whether whoever runs the site starts it again when it ended in order to restart (no). */
  readonly canRestart?: boolean;
}

/** How long a site that stops waits for its directory to hear of it, ms. */
const LEAVE_MS_MAX = 2_000;
/** How long a site that stops waits for its streams to move away, ms. */
const EVACUATE_MS_MAX = 3_000;

/** A running site. */
export class Site implements SiteService, AsyncDisposable {
  readonly record: SiteRecord;
  readonly demo: DemoControl | undefined;
  readonly operations: SiteOperations;
  readonly tokens: TokenService;
  /** Settles when the site has ended: undefined after `stop`, else why. */
  readonly ended: Promise<MeanderError | undefined>;
  readonly #plane: Plane;
  readonly #link: SessionLink;
  readonly #router: ChannelRouter;
  readonly #config: SiteConfig;
  readonly #desk: MediaDesk;
  readonly #neighbourhood: Neighbourhood;
  readonly #streams: StreamDesk;
  readonly #recordings: RecordingDesk;
  readonly #security: SiteSecurity;
  readonly #options: SiteOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  #end: (error: MeanderError | undefined) => void = () => {};
  #directory: DirectoryStatus = { type: "connected" };
  #stopping: Promise<void> | undefined;

  /**
   * Opens the sockets, joins the session (or leads it, without `join`), and registers.
   *
   * @throws {MeanderError} `config-invalid`, `open-required`, `port-in-use`, `listen-failed`, `join-failed`, `directory-…`,
   * `records-…`
   */
  static async start(settings: SiteSettings, ports: SitePorts = {}): Promise<Site> {
    const options = completeSettings(settings);
    if (options.routes !== undefined) {
      checkRecordings(options.routes, options.recordings);
    }
    const { clock = new SystemClock(), random = new SystemRandom() } = ports;
    const logGate = ports.logGate ?? new LogGate("debug");
    const { log: written = SILENT } = ports;
    const log = ports.logGate === undefined ? gatedLog(written, logGate) : written;
    const gate = { ...gateOf(options), origins: [] };
    const { host, httpPort, udpPort, streamPort, streamTransport } = options;
    const { allowInline, maxStreams, privateLinks } = options;
    const { tls: source } = options;
    const tls = source && (await TlsDesk.open({ source, clock, log }));
    const streams = await StreamDesk.open({
      ...{ host, port: streamPort, transport: streamTransport },
      ...{ allowInline, maxStreams, privateLinks, clock, random, log },
      records: join(options.data, "records"),
    });
    try {
      const shown = tls && { cert: tls.current.cert, key: tls.current.key };
      const { native } = options;
      const logLevel = logGate.level;
      const listening = { host, httpPort, udpPort, gate, tls: shown };
      const open = options.open.length > 0;
      const opening = { ...listening, open, native, privateLinks, logLevel };
      const plane = await (ports.plane === "local"
        ? LocalPlane.open(opening, { clock, log })
        : openWorkerPlane(opening, { log, thread: ports.planeThread }));
      const site = new Site(
        options,
        { plane, streams, tls },
        { ...ports, clock, random, log, logGate },
      );
      try {
        await site.#join(ports.webRoot ?? join(packageRoot(), "dist", "web"));
        return site;
      } catch (error) {
        site.operations.monitor[Symbol.dispose]();
        await site.#link.close();
        await plane.close();
        throw error;
      }
    } catch (error) {
      tls?.close();
      await streams.stop();
      await streams.close();
      throw error;
    }
  }

  private constructor(
    options: SiteOptions,
    {
      plane,
      streams,
      tls,
    }: {
      readonly plane: Plane;
      readonly streams: StreamDesk;
      readonly tls: TlsDesk | undefined;
    },
    ports: SitePorts & Required<Pick<SitePorts, "clock" | "random" | "log" | "logGate">>,
  ) {
    const { clock, random, log } = ports;
    this.#options = options;
    this.#plane = plane;
    this.#streams = streams;
    this.#clock = clock;
    this.#log = log;
    this.demo = ports.demo;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.record = {
      name: options.name,
      instance: random.uint32(),
      http: { host: options.advertise, port: plane.http.port },
      udp: { host: options.advertise, port: plane.udp.port },
      ...(tls === undefined ? {} : { tls: { fingerprint: tls.current.fingerprint } }),
      streams: { host: options.advertise, port: streams.port },
      pid: process.pid,
      version: packageVersion(),
      leader: options.join === undefined,
      startedAt: clock.wall(),
    };
    const hosts = hostsOf(options);
    this.#security = new SiteSecurity({
      ...{ options, record: this.record, hosts, tls, plane, clock, random, log },
    });
    this.#neighbourhood = new Neighbourhood({
      ...{ self: this.record, gate: gateOf(options), plane, log },
    });
    const writes = new WriteWatch();
    this.#link = new SessionLink({
      writes,
      record: this.record,
      join: options.join,
      data: options.data,
      access: this.#security.access,
      policy: this.#security.policy,
      credentials: { token: ports.token, trust: options.trust },
      leaseMs: options.leaseMs,
      plane,
      clock,
      random,
      log,
      events: {
        sites: (sites) => {
          void this.#neighbourhood.set(sites);
          streams.setSites(sites);
        },
        channels: (channels) => void this.#router.setChannels(channels),
        status: (status) => this.#setDirectory(status),
        lease: (untilMs) => streams.setLease(untilMs),
      },
      prepare: (directory) => streams.start(this.#siteInstance, directory),
      onLed: (event) => streams.ledTo(event),
    });
    this.#router = new ChannelRouter({
      self: options.name,
      plane,
      lookUp: (name) => this.#link.lookUp(name),
      allocate: (name) => this.#link.allocate(name),
      clock,
      log,
    });
    this.#config = new SiteConfig({
      ...{ site: options.name, clock, log },
      check: (routes) => checkRecordings(routes, options.recordings),
      apply: (routes) => this.#applyRoutes(routes),
    });
    this.#desk = new MediaDesk({
      self: options.name,
      plane,
      router: this.#router,
      announce: (channel) => this.#link.announce(channel),
      host: plane.http.host,
      advertise: options.advertise,
      open: options.open.length > 0,
      guard: this.guard,
      clock,
    });
    this.tokens = tokenServiceOver((subject, payload) => this.#link.request(subject, payload));
    this.#recordings = new RecordingDesk({
      ...{ folder: options.recordings, clock, log },
      target: () => ({
        site: this.#ownAddress,
        ...this.#security.own,
      }),
    });
    this.operations = new SiteOperations({
      ...{ record: this.record, plane, clock, log, logGate: ports.logGate, data: options.data },
      streams: () => streams.counts.resident,
      directory: () => this.#directory,
      inputs: () => this.#router.inputs(),
      writes,
      handover: () => this.#desk.handover(),
      canRestart: ports.canRestart ?? false,
      stop: () => this.requestStop(),
    });
    plane.onEvent((event) => this.#tell(event));
    void plane.failed.then((error) => this.#fail(error));
  }

  /** The site's address: `http://127.0.0.1:7000`. */
  get url(): string {
    return siteUrlOf(this.record);
  }

  /** Where viewers and sites connect: `ws://127.0.0.1:7000/link`. */
  get linkUrl(): string {
    return linkUrlOf(this.record);
  }

  /** How programs of this user find it and get in. */
  get local(): SiteSecurity["local"] {
    return this.#security.local;
  }

  /** Decides who may do what here. */
  get guard(): Guard {
    return this.#security.access.guard;
  }

  /** Reads the certificate's files again; the connections there are go on. Nothing without TLS. */
  async reloadCertificate(): Promise<void> {
    await this.#security.reload();
  }

  session(): SessionView {
    const { session } = this.#link;
    return {
      session: { name: session.name },
      self: this.record.name,
      leader: this.#neighbourhood.leader,
      directory: this.#directory.type,
      sites: this.#neighbourhood.sites,
      channels: [...this.#router.channels].sort((a, b) => (a.name < b.name ? -1 : 1)),
      demo: this.demo !== undefined,
    };
  }

  health(): Promise<HealthView> {
    return this.operations.health();
  }

  async snapshot(): Promise<PlaneSnapshot> {
    const snapshot = await this.#plane.snapshot();
    // Viewers are refused in the plane, everybody else here.
    const drops: Record<string, number> = { ...snapshot.drops };
    for (const [code, count] of Object.entries(this.guard.counts.toJSON()))
      drops[code] = (drops[code] ?? 0) + count;
    return { ...snapshot, drops };
  }

  trace(options: Parameters<Plane["trace"]>[0]): ReturnType<Plane["trace"]> {
    return this.#plane.trace(options);
  }

  streams(): StreamsView {
    const { views, counts } = this.#streams;
    return { streams: views, counts };
  }

  recordings(): readonly RecordStatus[] {
    return this.#recordings.statuses;
  }

  async channel(name: string): Promise<ChannelView> {
    const channel = await this.#router.find(name);
    if (channel === undefined) {
      throw new MeanderError("channel-unknown", "no channel of the session has that name", {
        where: `channel ${name}`,
        next: "publish it, or see /api/session for those there are",
      });
    }
    const { channels } = await this.#plane.snapshot();
    return { channel, snapshot: channels.find((each) => each.name === name) ?? null };
  }

  publishSdp(
    request: PublishRequest,
    sdp: string,
    ports: "sdp" | "assign",
  ): Promise<PublishAnswer> {
    return this.#desk.publishSdp(request, sdp, ports);
  }

  publishData(request: PublishRequest): Promise<PublishAnswer> {
    return this.#desk.publishData(request);
  }

  unpublish(channel: string, input: string): Promise<void> {
    return this.#desk.unpublish(channel, input);
  }

  sendMessage(channel: string, contentType: string, bytes: Uint8Array): Promise<void> {
    return this.#desk.sendMessage(channel, contentType, bytes);
  }

  receiverSdp(channel: string, host: string, ports: OutputPorts): Promise<string> {
    return this.#desk.receiverSdp(channel, host, ports);
  }

  addOutput(
    channel: string,
    host: string,
    ports: OutputPorts,
    sending?: GroupSending,
  ): Promise<{ id: number; sdp: string }> {
    return this.#desk.addOutput(channel, host, ports, sending);
  }

  removeOutput(id: number): Promise<void> {
    return this.#desk.removeOutput(id);
  }

  routes(): RouteConfig {
    return this.#config.current;
  }

  setRoutes(routes: unknown, where?: string): Promise<RouteConfig> {
    return this.#config.set(routes, where);
  }

  /** A shell of the session in this process: what `connect` gives, without a connection. @param name default: one of its own */
  openShell(name?: string): Shell {
    return new Shell(this.#streams.openShell(name));
  }

  requestStop(): void {
    // The answer to whoever asked goes out first.
    this.#clock.after("stop", 50, () => void this.stop());
  }

  /** Whether an unhandled rejection of this thread is an agent's, which is taken care of then. */
  claimRejection(reason: unknown): boolean {
    return this.#streams.claimRejection(reason);
  }

  /** Has its streams moved to other sites, leaves the session, tells neighbours and viewers, closes the sockets. Calling it again waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** As this machine reaches it, also where the advertised name leads around. */
  get #ownAddress(): string {
    const { host, port } = this.#plane.http;
    const own = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
    return `${new URL(this.url).protocol}//${formatAddress(own, port)}`;
  }

  get #siteInstance(): SiteInstance {
    return { site: this.record.name, instance: this.record.instance };
  }

  async #join(webRoot: string): Promise<void> {
    const { linkKey } = await this.#link.start();
    const { maxSubscribers, maxBitsPerSecond } = defaultRouteConfig();
    const { site, instance } = this.#siteInstance;
    await this.#plane.configure({ site, instance, linkKey, maxSubscribers, maxBitsPerSecond });
    this.#streams.join(this.#siteInstance, linkKey);
    this.#link.release();
    await this.#config.start(this.#link.directory, this.#options.routes);
    this.#plane.onShell((socket, address) =>
      this.#streams.accept(socket, admitBy(this.guard, "administer", address)),
    );
    this.#plane.onRequest(answerRequests(this, { clock: this.#clock, webRoot }));
    await this.operations.start();
    void this.operations.takeOver((handover, failed) => this.#desk.takeOver(handover, failed));
    this.#security.start(() => this.#link.announceSelf());
    this.#log.info("The site is up.", {
      url: this.url,
      udp: this.record.udp.port,
      streams: this.record.streams?.port,
      leader: this.record.leader,
    });
  }

  async #applyRoutes(routes: RouteConfig): Promise<void> {
    this.#recordings.set(routes);
    // A plane that has ended tells so itself.
    await this.operations.checkRoutes(routes).catch(() => {});
    await this.#router.setRoutes(routes);
  }

  #setDirectory(status: DirectoryStatus): void {
    if (status.type !== this.#directory.type) {
      if (status.type === "connected") this.#log.info("The directory is back.");
      else this.#log.warn("The directory is gone; media goes on.", { reason: status.reason });
    }
    this.#directory = status;
  }

  #tell(event: PlaneEvent): void {
    const { type, ...fields } = event;
    const facts: Record<string, unknown> =
      type === "described" ? { channel: event.channel } : fields;
    if (type === "channel-wanted" || type.startsWith("subscriber-") || type === "described") {
      this.#log.debug(`plane: ${type}`, facts);
    } else this.#log.info(`plane: ${type}`, facts);
  }

  #fail(error: MeanderError): void {
    this.#log.error("The site ends, because its plane is gone.", { error: error.message });
    void this.operations.stop();
    void this.#recordings.stop();
    this.#stopping ??= this.#close();
    this.#end(error);
  }

  async #stop(): Promise<void> {
    this.#log.info("The site stops.");
    const evacuated = this.#options.evacuate ? this.#evacuate() : undefined;
    await Promise.all([evacuated, this.operations.depart(), this.#recordings.stop()]);
    await this.operations.stop();
    await this.#streams.stop();
    const leaving = this.#link.leave().catch((error: unknown) => {
      this.#log.warn("The directory did not hear that the site stops.", {
        error: messageOf(error),
      });
    });
    await Promise.race([leaving, delay(this.#clock, "leave", LEAVE_MS_MAX)]);
    this.#router.close();
    await this.#close();
    await this.#plane.close();
    this.#end(undefined);
  }

  async #close(): Promise<void> {
    this.#config.stop();
    this.#security.close();
    await this.#streams.stop();
    await this.#link.close();
    await this.#streams.close();
  }

  /** What does not move in time is taken over by its failure manager when the site has left. */
  async #evacuate(): Promise<void> {
    const { resident } = this.#streams.counts;
    if (resident === 0 || this.#neighbourhood.sites.length < 2) return;
    try {
      const outcome = await this.#link.evacuate(EVACUATE_MS_MAX);
      this.#log.info("The streams of the site have moved away.", outcome);
    } catch (error) {
      this.#log.warn("Not all streams of the site have moved away.", { error: messageOf(error) });
    }
  }
}

function gateOf(options: SiteOptions): Omit<GateRules, "origins"> {
  const allowed = options.allowOrigin.map((text) => parseAllowedOrigin(text));
  return { hosts: hostsOf(options), allowed, local: isLocal(options) };
}

function hostsOf(options: SiteOptions): string[] {
  return [options.advertise.toLowerCase(), ...options.open];
}
