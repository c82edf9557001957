import { type MeanderError, SystemRandom } from "../../base/index.ts";
import type { LinkTrace, LogLevel, PlaneSnapshot } from "../../client/contract/index.ts";
import { type OpenSocket, RtpOutputs } from "../../media/index.ts";
import { Reflector } from "../../reflector/index.ts";
import type { Address } from "../../session/index.ts";
import type { Connection } from "../../stack/index.ts";
import { openDatagramSocket } from "../../transport/index.ts";
import { type AuditFacts, AuditFolding } from "../../trust/index.ts";
import { Guard, type GuardRules } from "../access/guard.ts";
import { strangernessOf } from "../access/strangerness.ts";
import { viewerGateOf } from "../access/viewer-gate.ts";
import { refusedRequest } from "../http/audit-refusal.ts";
import type { GateRules } from "../http/gate.ts";
import type { TlsIdentity } from "../http/http-listener.ts";
import type { HttpRequest, HttpResponse } from "../http/messages.ts";
import type { LogGate } from "../observe/log-gate.ts";
import { LoopDelay } from "../observe/loop-delay.ts";
import type {
  Departed,
  IngestOptions,
  IngestPorts,
  PlaneControl,
  PlaneEvent,
  PlaneStats,
  RtpOutputOptions,
} from "../plane-control.ts";
import { LinkDialler } from "./link-dialler.ts";
import { LinkStacks } from "./link-stacks.ts";
import type { Plane, PlaneOptions, PlanePorts, SocketHandler } from "./plane.ts";
import { PlaneIngests } from "./plane-ingests.ts";
import { PlaneOutputs } from "./plane-outputs.ts";
import { PlaneSockets } from "./plane-sockets.ts";
import { UdpGroupSockets } from "./udp-group-sockets.ts";

/** A plane in the caller's thread: the reflector, and every socket that it uses. */
export class LocalPlane implements Plane {
  readonly http: Address;
  readonly udp: Address;
  /** Never settles: what ends this plane ends the caller too. */
  readonly failed: Promise<MeanderError> = new Promise(() => {});
  readonly #sockets: PlaneSockets;
  readonly #reflector: Reflector;
  readonly #stacks: LinkStacks;
  readonly #dialler: LinkDialler;
  readonly #ingests: PlaneIngests;
  readonly #outputs: PlaneOutputs;
  readonly #outputSockets: RtpOutputs;
  readonly #listeners: ((event: PlaneEvent) => void)[] = [];
  readonly #loop: LoopDelay;
  readonly #logGate: LogGate | undefined;
  readonly #guard: Guard;
  readonly #audit: AuditFolding;
  #onAudited: (facts: AuditFacts) => void = () => {};
  #isClosed = false;

  /** @throws {MeanderError} `port-in-use`, `listen-failed`, `bind-failed`, `address-invalid` */
  static async open(options: PlaneOptions, ports: PlanePorts): Promise<LocalPlane> {
    return new LocalPlane(await PlaneSockets.open(options, ports), options, ports);
  }

  private constructor(
    sockets: PlaneSockets,
    { open = false, privateLinks = true }: PlaneOptions,
    { clock, log, logGate }: PlanePorts,
  ) {
    const { descriptors, handlers, host, listener, runtime, udp } = sockets;
    this.http = { host, port: listener.port };
    this.udp = { host, port: udp.port };
    this.#sockets = sockets;
    this.#logGate = logGate;
    this.#loop = new LoopDelay(clock);
    const onEvent = (event: PlaneEvent): void => {
      for (const listen of this.#listeners) listen(event);
    };
    const random = new SystemRandom();
    this.#stacks = new LinkStacks({ clock, random, log, privateLinks });
    this.#dialler = new LinkDialler({ udp, stacks: this.#stacks, runtime, host, clock, log });
    // Strangers may be refused thousands of times a second: what there is to say of them is put together here.
    const audit = new AuditFolding({ clock, keep: (facts) => this.#onAudited(facts) });
    this.#audit = audit;
    this.#guard = new Guard({ clock, audit });
    /** Of each accepted connection: to be called when its other end has shown who it is. */
    const known = new WeakMap<Connection, () => void>();
    const reflector = new Reflector({
      clock,
      random,
      log,
      security: this.#stacks,
      dial: (neighbour, stack) => this.#dialler.dial(neighbour, stack),
      groups: new UdpGroupSockets({
        ...{ host, open, runtime, clock, random, log },
        secret: () => this.#stacks.linkKey,
      }),
      onEvent,
      viewers: viewerGateOf(this.#guard),
      viewerPlaces: descriptors,
      onKnown: (connection) => known.get(connection)?.(),
    });
    this.#reflector = reflector;
    const openSocket: OpenSocket = (where) =>
      openDatagramSocket({ ...where, ...runtime, clock, log });
    this.#ingests = new PlaneIngests({ reflector, clock, log, openSocket, onEvent });
    this.#outputSockets = new RtpOutputs({ openSocket, clock, log });
    this.#outputs = new PlaneOutputs({ reflector, outputs: this.#outputSockets });
    handlers.refused = (head, error) => audit.note(refusedRequest(head, error));
    handlers.strangerness = (head) => strangernessOf(this.#guard, head);
    handlers.accept = (connection, isKnown) => {
      const stacked = this.#stacks.accept(connection);
      known.set(stacked, isKnown);
      reflector.accept(stacked);
    };
  }

  onEvent(listener: (event: PlaneEvent) => void): void {
    this.#listeners.push(listener);
  }

  onAudited(listener: (facts: AuditFacts) => void): void {
    this.#onAudited = listener;
  }

  onRequest(handler: (request: HttpRequest) => Promise<HttpResponse>): void {
    this.#sockets.handlers.request = handler;
  }

  onDirectory(handler: SocketHandler): void {
    this.#sockets.directory.onSocket(handler);
  }

  onShell(handler: SocketHandler): void {
    this.#sockets.shell.onSocket(handler);
  }

  async configure(options: Parameters<PlaneControl["configure"]>[0]): Promise<void> {
    this.#stacks.setLinkKey(options.linkKey);
    this.#reflector.configure(options);
  }

  async rekey({ linkKey, expelled }: Parameters<PlaneControl["rekey"]>[0]): Promise<void> {
    this.#stacks.setLinkKey(linkKey);
    this.#reflector.rekey(linkKey, expelled);
  }

  async setLimits(options: Parameters<PlaneControl["setLimits"]>[0]): Promise<void> {
    this.#reflector.setLimits(options);
  }

  async setReshaping(reshaping: Parameters<PlaneControl["setReshaping"]>[0]): Promise<void> {
    this.#reflector.setReshaping(reshaping);
  }

  async setNeighbours(neighbours: Parameters<PlaneControl["setNeighbours"]>[0]): Promise<void> {
    this.#reflector.setNeighbours(neighbours);
  }

  async setGate(rules: GateRules): Promise<void> {
    this.#sockets.listener.setGate(rules);
  }

  async setAccess(rules: GuardRules): Promise<void> {
    this.#guard.setRules(rules);
  }

  async setTls(tls: TlsIdentity): Promise<void> {
    this.#sockets.listener.setTls(tls);
  }

  async setViewerSites(
    sites: readonly { readonly name: string; readonly url: string }[],
  ): Promise<void> {
    this.#reflector.setSites(sites);
  }

  async setRooms(rooms: Parameters<Plane["setRooms"]>[0]): Promise<void> {
    this.#reflector.setRooms(rooms);
  }

  async openChannel(options: Parameters<PlaneControl["openChannel"]>[0]): Promise<void> {
    this.#reflector.openChannel(options);
    this.#ingests.configure(options.name, options.config);
  }

  async refuseChannel(channel: string, code: string, message: string): Promise<void> {
    this.#reflector.refuseChannel(channel, code, message);
  }

  async closeChannel(channel: string, reason: string): Promise<void> {
    await this.#ingests.closeChannel(channel);
    this.#reflector.closeChannel(channel, reason);
  }

  openIngest(options: IngestOptions): Promise<IngestPorts> {
    return this.#ingests.open(options);
  }

  closeIngest(channel: string, input: string, reason?: string): Promise<void> {
    return this.#ingests.close(channel, input, reason);
  }

  async publishData(channel: string, contentType: string, bytes: Uint8Array): Promise<void> {
    this.#ingests.publishData(channel, contentType, bytes);
  }

  addRtpOutput(options: RtpOutputOptions): Promise<{ readonly id: number }> {
    return this.#outputs.add(options);
  }

  async removeRtpOutput(id: number): Promise<void> {
    this.#outputs.remove(id);
  }

  async snapshot(): Promise<PlaneSnapshot> {
    const snapshot = this.#reflector.snapshot();
    const drops = Object.entries(this.#sockets.udp.counts.toJSON()).map(([reason, count]) => [
      `udp-${reason}`,
      count,
    ]);
    return {
      ...snapshot,
      channels: snapshot.channels.map((channel) => this.#ingests.describe(channel)),
      drops: {
        ...snapshot.drops,
        ...Object.fromEntries(drops),
        ...this.#sockets.listener.counts.toJSON(),
      },
      datagrams: this.#sockets.udp.stats,
    };
  }

  async trace(options: Parameters<PlaneControl["trace"]>[0]): Promise<readonly LinkTrace[]> {
    return this.#stacks.traces(this.#reflector.peers(), options);
  }

  async stats(): Promise<PlaneStats> {
    const stats = this.#reflector.stats();
    const descriptors = this.#sockets.descriptors.usage;
    return { ...stats, loopMs: this.#loop.p99Ms, descriptors };
  }

  depart(withinMs: number): Promise<Departed> {
    return this.#reflector.depart(withinMs);
  }

  async setLogLevel(level: LogLevel): Promise<void> {
    if (this.#logGate !== undefined) this.#logGate.level = level;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loop[Symbol.dispose]();
    this.#sockets.descriptors[Symbol.dispose]();
    await this.#ingests[Symbol.asyncDispose]();
    this.#reflector.close();
    this.#guard.book.close();
    this.#audit.close();
    await this.#outputSockets[Symbol.asyncDispose]();
    await this.#dialler[Symbol.asyncDispose]();
    await this.#sockets[Symbol.asyncDispose]();
  }
}
