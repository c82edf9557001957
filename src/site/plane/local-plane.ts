import { lookup } from "node:dns/promises";
import { type Clock, type Log, MeanderError, messageOf, SystemRandom } from "../../base/index.ts";
import type { LinkTrace, LogLevel, PlaneSnapshot } from "../../client/contract/index.ts";
import { type OpenSocket, RtpOutputs } from "../../media/index.ts";
import { Reflector } from "../../reflector/index.ts";
import type { Address } from "../../session/index.ts";
import {
  acceptTcp,
  type DatagramRuntime,
  LINK_PATH,
  LINK_UPGRADE,
  loadNative,
  NativeStreams,
  openDatagramSocket,
  UdpTransport,
  WebSocketAcceptor,
  zeroTotals,
} from "../../transport/index.ts";
import { Guard, type GuardRules } from "../access/guard.ts";
import { viewerGateOf } from "../access/viewer-gate.ts";
import type { GateRules } from "../http/gate.ts";
import {
  HttpListener,
  portInUse,
  refuseUpgrade,
  type TlsIdentity,
  type Upgrade,
} from "../http/http-listener.ts";
import { errorResponse, type HttpRequest, type HttpResponse } from "../http/messages.ts";
import type { LogGate } from "../observe/log-gate.ts";
import { LoopDelay } from "../observe/loop-delay.ts";
import { readDescriptors } from "../observe/resource-readings.ts";
import type {
  Departed,
  IngestOptions,
  IngestPorts,
  PlaneControl,
  PlaneEvent,
  PlaneFigures,
  RtpOutputOptions,
} from "../plane-control.ts";
import { DescriptorGuard } from "./descriptor-guard.ts";
import { LinkDialler } from "./link-dialler.ts";
import { SocketGroups } from "./link-groups.ts";
import { LinkStacks } from "./link-stacks.ts";
import {
  type Plane,
  type PlaneOptions,
  type PlanePorts,
  SOCKET_PATHS,
  type SocketHandler,
} from "./plane.ts";
import { PlaneIngests } from "./plane-ingests.ts";
import { PlaneOutputs } from "./plane-outputs.ts";
import { respond } from "./remote-plane.ts";
import { SocketDoor } from "./socket-door.ts";

/** A plane in the caller's thread: the reflector, and every socket it lives by. */
export class LocalPlane implements Plane {
  readonly http: Address;
  readonly udp: Address;
  /** Never settles: what ends this plane ends the caller too. */
  readonly failed: Promise<MeanderError> = new Promise(() => {});
  readonly #reflector: Reflector;
  readonly #listener: HttpListener;
  readonly #socket: UdpTransport;
  readonly #stacks: LinkStacks;
  readonly #dialler: LinkDialler;
  readonly #ingests: PlaneIngests;
  readonly #outputs: PlaneOutputs;
  readonly #outputSockets: RtpOutputs;
  readonly #directory: SocketDoor;
  readonly #shell: SocketDoor;
  readonly #front: Front;
  readonly #listeners: ((event: PlaneEvent) => void)[];
  readonly #loop: LoopDelay;
  readonly #streams: NativeStreams | undefined;
  readonly #descriptors: DescriptorGuard;
  readonly #logGate: LogGate | undefined;
  readonly #guard: Guard;
  #isClosed = false;

  /** @throws {MeanderError} `port-in-use`, `listen-failed`, `bind-failed`, `address-invalid` */
  static async open(options: PlaneOptions, ports: PlanePorts): Promise<LocalPlane> {
    const { clock, log, logGate } = ports;
    const host = await literalOf(options.host);
    let listening: HttpListener | undefined;
    const descriptors = new DescriptorGuard({
      clock,
      count: () => readDescriptors(),
      connections: () => listening?.connectionCount ?? 0,
    });
    const directory = new SocketDoor("directory");
    const shell = new SocketDoor("shell");
    const front: Front = { accept: (connection) => connection.close(), request: undefined };
    const native = loadNative({
      disabled: options.native === false,
      watchShutdown: ports.watchShutdown,
    });
    const runtime = { native: native.calls, nativeAbsence: native.absence, totals: zeroTotals() };
    const { calls } = native;
    const streams = calls === undefined ? undefined : new NativeStreams({ calls, clock });
    const webSockets = new WebSocketAcceptor({ clock, native: streams });
    const listener = await HttpListener.open(
      {
        host,
        port: options.httpPort,
        gate: options.gate,
        tls: options.tls,
        descriptors,
        clock,
        log,
      },
      {
        request: (request) => respond(front.request, request, log),
        upgrades: {
          [`websocket ${LINK_PATH}`]: (upgrade) => {
            // Sites come by UDP or TCP; what comes here is a crowd of viewers that has been refused before.
            const refusal = descriptors.isTight ? descriptors.refusal : undefined;
            if (refusal === undefined) void acceptWebSocket(webSockets, upgrade, front, log);
            else
              refuseUpgrade(
                upgrade.socket,
                errorResponse(503, new MeanderError(refusal.code, refusal.message)),
              );
          },
          [`${LINK_UPGRADE} ${LINK_PATH}`]: ({ socket, head }) =>
            front.accept(acceptTcp(socket, head, { clock, native: streams })),
          [`websocket ${SOCKET_PATHS.directory}`]: (upgrade) => directory.accept(upgrade),
          [`websocket ${SOCKET_PATHS.shell}`]: (upgrade) => shell.accept(upgrade),
        },
      },
    );
    listening = listener;
    try {
      const socket = await openSocket(host, listener.port, options, { clock, log, runtime }, front);
      const parts = {
        runtime,
        streams,
        listener,
        socket,
        directory,
        shell,
        front,
        host,
        descriptors,
        privateLinks: options.privateLinks ?? true,
        open: options.open ?? false,
        logGate,
      };
      return new LocalPlane({ ...parts, clock, log });
    } catch (error) {
      descriptors[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
      streams?.[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(parts: {
    readonly listener: HttpListener;
    readonly runtime: DatagramRuntime;
    readonly streams: NativeStreams | undefined;
    readonly socket: UdpTransport;
    readonly directory: SocketDoor;
    readonly shell: SocketDoor;
    readonly front: Front;
    readonly host: string;
    readonly descriptors: DescriptorGuard;
    readonly privateLinks: boolean;
    readonly open: boolean;
    readonly logGate: LogGate | undefined;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    const { listener, socket, runtime, directory, shell, front, host, clock, log } = parts;
    this.#streams = parts.streams;
    this.#descriptors = parts.descriptors;
    this.#logGate = parts.logGate;
    this.#loop = new LoopDelay(clock);
    this.http = { host, port: listener.port };
    this.udp = { host, port: socket.port };
    this.#listener = listener;
    this.#socket = socket;
    this.#directory = directory;
    this.#shell = shell;
    this.#front = front;
    this.#listeners = [];
    const onEvent = (event: PlaneEvent): void => {
      for (const listen of this.#listeners) listen(event);
    };
    const random = new SystemRandom();
    this.#stacks = new LinkStacks({ clock, random, log, privateLinks: parts.privateLinks });
    this.#dialler = new LinkDialler({
      udp: socket,
      stacks: this.#stacks,
      runtime,
      host,
      clock,
      log,
    });
    this.#guard = new Guard({ clock });
    this.#reflector = new Reflector({
      clock,
      random,
      log,
      security: this.#stacks,
      dial: (neighbour, stack) => this.#dialler.dial(neighbour, stack),
      groups: new SocketGroups({
        ...{ host, open: parts.open, runtime, clock, random, log },
        secret: () => this.#stacks.linkKey,
      }),
      onEvent,
      viewers: viewerGateOf(this.#guard),
      refuseViewers: () => this.#descriptors.refusal,
    });
    const openSocket: OpenSocket = (where) =>
      openDatagramSocket({ ...where, ...runtime, clock, log });
    this.#ingests = new PlaneIngests({
      reflector: this.#reflector,
      clock,
      log,
      openSocket,
      onEvent,
    });
    this.#outputSockets = new RtpOutputs({ openSocket, clock, log });
    const outputs = this.#outputSockets;
    this.#outputs = new PlaneOutputs({ reflector: this.#reflector, outputs });
    front.accept = (connection) => this.#reflector.accept(this.#stacks.accept(connection));
  }

  onEvent(listener: (event: PlaneEvent) => void): void {
    this.#listeners.push(listener);
  }

  onRequest(handler: (request: HttpRequest) => Promise<HttpResponse>): void {
    this.#front.request = handler;
  }

  onDirectory(handler: SocketHandler): void {
    this.#directory.onSocket(handler);
  }

  onShell(handler: SocketHandler): void {
    this.#shell.onSocket(handler);
  }

  async configure(options: Parameters<PlaneControl["configure"]>[0]): Promise<void> {
    this.#stacks.setLinkKey(options.linkKey);
    this.#reflector.configure(options);
  }

  async setLimits(options: Parameters<PlaneControl["setLimits"]>[0]): Promise<void> {
    this.#reflector.setLimits(options);
  }

  async setNeighbours(neighbours: Parameters<PlaneControl["setNeighbours"]>[0]): Promise<void> {
    this.#reflector.setNeighbours(neighbours);
  }

  async setGate(rules: GateRules): Promise<void> {
    this.#listener.setGate(rules);
  }

  async setAccess(rules: GuardRules): Promise<void> {
    this.#guard.setRules(rules);
  }

  async setTls(tls: TlsIdentity): Promise<void> {
    this.#listener.setTls(tls);
  }

  async setViewerSites(
    sites: readonly { readonly name: string; readonly url: string }[],
  ): Promise<void> {
    this.#reflector.setSites(sites);
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
    const drops = Object.entries(this.#socket.counts.toJSON()).map(([reason, count]) => [
      `udp-${reason}`,
      count,
    ]);
    return {
      ...snapshot,
      channels: snapshot.channels.map((channel) => this.#ingests.describe(channel)),
      drops: { ...snapshot.drops, ...Object.fromEntries(drops) },
      datagrams: this.#socket.stats,
    };
  }

  async trace(options: Parameters<PlaneControl["trace"]>[0]): Promise<readonly LinkTrace[]> {
    return this.#stacks.traces(this.#reflector.peers(), options);
  }

  async figures(): Promise<PlaneFigures> {
    const figures = this.#reflector.figures();
    const descriptors = this.#descriptors.usage;
    return { ...figures, loopMs: this.#loop.p99Ms, descriptors };
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
    this.#descriptors[Symbol.dispose]();
    await this.#ingests[Symbol.asyncDispose]();
    this.#reflector.close();
    this.#guard.book.close();
    await this.#outputSockets[Symbol.asyncDispose]();
    await this.#dialler[Symbol.asyncDispose]();
    await this.#listener[Symbol.asyncDispose]();
    this.#streams?.[Symbol.dispose]();
    await this.#socket[Symbol.asyncDispose]();
  }
}

/** What comes in at the sockets goes here; filled in once the reflector is there. */
interface Front {
  accept: Reflector["accept"];
  request: ((request: HttpRequest) => Promise<HttpResponse>) | undefined;
}

async function acceptWebSocket(
  acceptor: WebSocketAcceptor,
  { request, socket, head }: Upgrade,
  front: Front,
  log: Log,
): Promise<void> {
  try {
    front.accept(await acceptor.accept(request, socket, head));
  } catch (error) {
    log.debug("A WebSocket was not opened.", { error: messageOf(error) });
  }
}

async function openSocket(
  host: string,
  httpPort: number,
  options: PlaneOptions,
  { clock, log, runtime }: PlanePorts & { readonly runtime: DatagramRuntime },
  front: Front,
): Promise<UdpTransport> {
  const open = (port: number): Promise<UdpTransport> =>
    UdpTransport.open({
      ...runtime,
      host,
      port,
      clock,
      log,
      accept: (connection) => front.accept(connection),
    });
  try {
    return await open(options.udpPort ?? httpPort);
  } catch (error) {
    if (!(error instanceof MeanderError) || error.code !== "port-in-use") throw error;
    if (options.udpPort === undefined && options.httpPort === 0) return open(0);
    throw portInUse(`${host}:${options.udpPort ?? httpPort} (UDP)`, "--udp-port", error);
  }
}

async function literalOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new MeanderError("address-invalid", "no address belongs to that name", {
      where: `--host ${host}`,
      expected: "an address of this machine, such as 127.0.0.1",
      cause,
    });
  }
}
