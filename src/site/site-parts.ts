import { join } from "node:path";
import { messageOf } from "../base/index.ts";
import { packageVersion, siteUrlOf } from "../client/index.ts";
import type { DirectoryStatus } from "../directory/index.ts";
import { ChannelRouter } from "../reflector/index.ts";
import {
  type RouteConfig,
  type SessionRecord,
  SiteConfig,
  type SiteRecord,
} from "../session/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { formatAddress } from "../transport/index.ts";
import { type TokenService, tokenServiceOver } from "./access/token-service.ts";
import type { SiteAudit } from "./audit/site-audit.ts";
import { InputRights } from "./input-rights.ts";
import type { LiveStreams } from "./live-streams.ts";
import { MediaGateway } from "./media-gateway.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { WriteWatch } from "./observe/write-watch.ts";
import { SiteOperations } from "./operations/site-operations.ts";
import { StartWatch } from "./operations/start-watch.ts";
import type { Plane } from "./plane/plane.ts";
import { ConfiguredRecordings } from "./record/configured-recordings.ts";
import { checkRecordings } from "./record/record-requests.ts";
import { SessionLink } from "./session-link.ts";
import type { SiteOptions } from "./site-options.ts";
import type { CompletePorts } from "./site-ports.ts";
import { SiteSecurity } from "./site-security.ts";
import { gateOf, hostsOf, type SiteSockets } from "./site-sockets.ts";

/** The parts of a site, each with its subject, and what they report to each other. */
export class SiteParts {
  readonly record: SiteRecord;
  readonly plane: Plane;
  readonly streams: LiveStreams;
  readonly audit: SiteAudit;
  readonly security: SiteSecurity;
  readonly neighbourhood: Neighbourhood;
  readonly link: SessionLink;
  readonly router: ChannelRouter;
  readonly config: SiteConfig;
  readonly gateway: MediaGateway;
  readonly recordings: ConfiguredRecordings;
  readonly operations: SiteOperations;
  readonly tokens: TokenService;
  readonly starts: StartWatch;
  readonly #ports: CompletePorts;
  #directory: DirectoryStatus = { type: "connected" };

  /** @param stop has the site stop, soon */
  constructor(options: SiteOptions, sockets: SiteSockets, ports: CompletePorts, stop: () => void) {
    const { plane, streams, audit } = sockets;
    const { clock, random, log, logGate } = ports;
    this.#ports = ports;
    this.plane = plane;
    this.streams = streams;
    this.audit = audit;
    this.record = recordOf(options, sockets, ports);
    const { record } = this;
    this.security = new SiteSecurity({
      ...{ options, record, hosts: hostsOf(options), tls: sockets.tls, plane, clock, random, log },
      audit,
    });
    this.neighbourhood = new Neighbourhood({ self: record, gate: gateOf(options), plane, log });
    const writes = new WriteWatch();
    this.link = this.#openLink(options, writes);
    this.router = new ChannelRouter({
      ...{ self: options.name, plane, clock, log },
      lookUp: (name) => this.link.lookUp(name),
      allocate: (name) => this.link.allocate(name),
    });
    this.config = new SiteConfig({
      ...{ site: options.name, clock, log },
      check: (routes) => checkRecordings(routes, options.recordings),
      apply: (routes) => this.#applyRoutes(routes),
    });
    this.gateway = new MediaGateway({
      ...{ self: options.name, plane, router: this.router, clock },
      announce: (channel) => this.link.announce(channel),
      host: plane.http.host,
      advertise: options.advertise,
      open: options.open.length > 0,
      guard: this.security.access.guard,
      rights: new InputRights({ ports: options.rtpPorts, ownPorts: portsOf(record) }),
      assignedPorts: options.rtpPorts,
    });
    this.tokens = tokenServiceOver((subject, payload) => this.link.request(subject, payload));
    this.recordings = new ConfiguredRecordings({
      ...{ folder: options.recordings, clock, log },
      target: () => ({ site: this.#ownAddress, ...this.security.own }),
    });
    this.starts = new StartWatch({ path: join(options.data, "started"), clock, log });
    streams.onRun(() => this.starts.runsStream());
    streams.onPing((rooms) => {
      this.neighbourhood.setRooms(rooms);
      return this.operations.monitor.room;
    });
    this.operations = new SiteOperations({
      ...{ record, plane, clock, log, logGate, data: options.data, writes, stop },
      leaveMs: options.leaveMs,
      streams: () => streams.residentCount,
      halted: () => streams.whyHalted,
      directory: () => this.#directory,
      audit: () => audit.reasons,
      inputs: () => this.router.inputs(),
      handover: () => this.gateway.handover(),
      canRestart: ports.canRestart ?? false,
    });
  }

  /** How the directory is doing, as seen from this site. */
  get directory(): DirectoryStatus {
    return this.#directory;
  }

  /** This run of the site. */
  get siteInstance(): SiteInstance {
    return { site: this.record.name, instance: this.record.instance };
  }

  #openLink(options: SiteOptions, writes: WriteWatch): SessionLink {
    const { plane, streams, security, record, audit } = this;
    const { clock, random, log, token } = this.#ports;
    return new SessionLink({
      ...{ record, writes, plane, audit, clock, random, log },
      join: options.join,
      data: options.data,
      access: security.access,
      policy: security.policy,
      credentials: { token, trust: options.trust },
      leaseMs: options.leaseMs,
      events: {
        sites: (sites) => {
          void this.neighbourhood.set(sites);
          streams.setSites(sites);
        },
        channels: (channels) => void this.router.setChannels(channels),
        status: (status) => this.#setDirectory(status),
        lease: (untilMs) => streams.setLease(untilMs),
        rekeyed: (session) => this.#rekey(session),
      },
      prepare: async (directory) => {
        await streams.start(this.siteInstance, directory, security.access.guard);
        if (options.policy !== undefined) await streams.setOwnPolicy(options.policy);
      },
      judge: streams.judge,
      onLed: (event) => streams.ledTo(event),
    });
  }

  #rekey({ linkKey, expelled = [] }: SessionRecord): void {
    this.streams.rekey(linkKey);
    this.plane.rekey({ linkKey, expelled }).catch((error: unknown) =>
      this.#ports.log.error("The plane does not use the new link key.", {
        error: messageOf(error),
      }),
    );
  }

  async #applyRoutes(routes: RouteConfig): Promise<void> {
    this.recordings.set(routes);
    // A plane that has ended reports that itself.
    await this.operations.checkRoutes(routes).catch(() => {});
    await this.router.setRoutes(routes);
  }

  #setDirectory(status: DirectoryStatus): void {
    const { log } = this.#ports;
    if (status.type !== this.#directory.type) {
      if (status.type === "connected") log.info("The directory is back.");
      else log.warn("The directory is gone; media continues.", { reason: status.reason });
    }
    this.#directory = status;
  }

  /** The address by which this machine reaches the site, even where the advertised name does not lead here. */
  get #ownAddress(): string {
    const { host, port } = this.plane.http;
    const own = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
    return `${new URL(siteUrlOf(this.record)).protocol}//${formatAddress(own, port)}`;
  }
}

function recordOf(
  options: SiteOptions,
  { plane, streams, tls }: SiteSockets,
  { clock, random }: CompletePorts,
): SiteRecord {
  return {
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
}

/** The ports on which a site listens. */
function portsOf({ http, udp, streams }: SiteRecord): number[] {
  return [http.port, udp.port, ...(streams === undefined ? [] : [streams.port])];
}
