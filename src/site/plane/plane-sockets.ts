import { lookup } from "node:dns/promises";
import { type Counters, LIMITS, type Log, MeanderError, messageOf } from "../../base/index.ts";
import type { Connection } from "../../stack/index.ts";
import {
  acceptTcp,
  type DatagramRuntime,
  LINK_PATH,
  LINK_UPGRADE,
  loadNative,
  NativeStreams,
  type StrangerLimits,
  StrangerQuota,
  UdpTransport,
  WebSocketAcceptor,
  zeroTotals,
} from "../../transport/index.ts";
import { addressOf } from "../access/address-of.ts";
import { HttpListener, portInUse, type Upgrade } from "../http/http-listener.ts";
import {
  errorResponse,
  type HttpHead,
  type HttpRequest,
  type HttpResponse,
  LET_IN,
} from "../http/messages.ts";
import { refuseUpgrade } from "../http/write-answer.ts";
import { readDescriptors } from "../observe/resource-readings.ts";
import { DescriptorGuard } from "./descriptor-guard.ts";
import { MessageSocketAcceptor } from "./message-socket-acceptor.ts";
import { type PlaneOptions, type PlanePorts, SOCKET_PATHS } from "./plane.ts";
import { respond } from "./remote-plane.ts";

/** What a plane does with what arrives at its sockets. */
export interface PlaneHandlers {
  /**
   * Accepts a connection of a site or a viewer; until it is set, connections are closed.
   *
   * @param known to be called when the other end has shown who it is
   */
  accept(connection: Connection, known: () => void): void;
  /** Answers requests that the plane does not answer itself; undefined: they get 503. */
  request: ((request: HttpRequest) => Promise<HttpResponse>) | undefined;
  /** See `HttpHandlers.refused`. */
  refused(head: HttpHead, error: MeanderError): void;
  /** See `HttpHandlers.strangerness`. */
  strangerness(head: HttpHead): MeanderError | undefined | Promise<MeanderError | undefined>;
}

/** Every socket on which a plane listens: HTTP with its WebSockets, and UDP. */
export class PlaneSockets implements AsyncDisposable {
  /** IP address as bound. */
  readonly host: string;
  readonly listener: HttpListener;
  readonly udp: UdpTransport;
  readonly directory: MessageSocketAcceptor;
  readonly shell: MessageSocketAcceptor;
  readonly descriptors: DescriptorGuard;
  /** How datagrams pass the kernel, for further sockets. */
  readonly runtime: DatagramRuntime;
  readonly handlers: PlaneHandlers;
  readonly #streams: NativeStreams | undefined;

  /** @throws {MeanderError} `port-in-use`, `listen-failed`, `bind-failed`, `address-invalid` */
  static async open(options: PlaneOptions, ports: PlanePorts): Promise<PlaneSockets> {
    const { clock, log, watchShutdown } = ports;
    const host = await literalOf(options.host);
    let listening: HttpListener | undefined;
    const descriptors = new DescriptorGuard({
      clock,
      count: () => readDescriptors(),
      connections: () => listening?.connectionCount ?? 0,
      strangers: () => listening?.strangerCount ?? 0,
    });
    const handlers: PlaneHandlers = {
      accept: (connection) => connection.close(),
      request: undefined,
      strangerness: () => undefined,
      refused: () => {},
    };
    const native = loadNative({ disabled: options.native === false, watchShutdown });
    const runtime = { native: native.calls, nativeAbsence: native.absence, totals: zeroTotals() };
    const { calls } = native;
    const streams = calls === undefined ? undefined : new NativeStreams({ calls, clock });
    const directory = new MessageSocketAcceptor("directory");
    const shell = new MessageSocketAcceptor("shell");
    const webSockets = new WebSocketAcceptor({ clock, native: streams });
    const { gate, httpPort, tls, connectionsPerAddress: perAddress } = options;
    const listener = await HttpListener.open(
      { host, port: httpPort, gate, tls, descriptors, perAddress, clock, log },
      {
        request: (request) => respond(handlers.request, request, log),
        strangerness: (head) => handlers.strangerness(head),
        refused: (head, error) => handlers.refused(head, error),
        judge: async (head) => {
          const request = { ...head, body: new Uint8Array(0), judgeOnly: true } as const;
          const answer = await respond(handlers.request, request, log);
          return answer.status === LET_IN ? undefined : answer;
        },
        upgrades: {
          [`websocket ${LINK_PATH}`]: (upgrade) => {
            // Sites use UDP or TCP; these are viewers, many at once after they were refused before.
            const refusal = descriptors.isTight ? descriptors.refusal : undefined;
            if (refusal === undefined) void acceptWebSocket(webSockets, upgrade, handlers, log);
            else
              refuseUpgrade(
                upgrade.socket,
                errorResponse(503, new MeanderError(refusal.code, refusal.message)),
              );
          },
          [`${LINK_UPGRADE} ${LINK_PATH}`]: ({ socket, head, known }) =>
            handlers.accept(acceptTcp(socket, head, { clock, native: streams }), known),
          [`websocket ${SOCKET_PATHS.directory}`]: (upgrade) => directory.accept(upgrade),
          [`websocket ${SOCKET_PATHS.shell}`]: (upgrade) => shell.accept(upgrade),
        },
      },
    );
    listening = listener;
    try {
      const udp = await openUdp(
        host,
        listener.port,
        options,
        ports,
        runtime,
        handlers,
        listener.counts,
      );
      const parts = { host, listener, udp, directory, shell, descriptors, runtime, handlers };
      return new PlaneSockets(parts, streams);
    } catch (error) {
      descriptors[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
      streams?.[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(
    parts: Omit<PlaneSockets, typeof Symbol.asyncDispose>,
    streams: NativeStreams | undefined,
  ) {
    this.host = parts.host;
    this.listener = parts.listener;
    this.udp = parts.udp;
    this.directory = parts.directory;
    this.shell = parts.shell;
    this.descriptors = parts.descriptors;
    this.runtime = parts.runtime;
    this.handlers = parts.handlers;
    this.#streams = streams;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener[Symbol.asyncDispose]();
    this.#streams?.[Symbol.dispose]();
    await this.udp[Symbol.asyncDispose]();
  }
}

/** Places of connections over UDP that have not shown who they are. [A21] */
const DATAGRAM_STRANGERS: StrangerLimits = {
  all: LIMITS.strangerDatagramsMax,
  perAddress: LIMITS.strangerDatagramsPerAddress,
  perLoopback: LIMITS.strangerDatagramsMax,
  ms: LIMITS.strangerMs,
};

async function acceptWebSocket(
  acceptor: WebSocketAcceptor,
  { request, socket, head, known }: Upgrade,
  handlers: PlaneHandlers,
  log: Log,
): Promise<void> {
  try {
    handlers.accept(await acceptor.accept(request, socket, head), known);
  } catch (error) {
    log.debug("A WebSocket was not opened.", { error: messageOf(error) });
  }
}

async function openUdp(
  host: string,
  httpPort: number,
  options: PlaneOptions,
  { clock, log }: PlanePorts,
  runtime: DatagramRuntime,
  handlers: PlaneHandlers,
  counts: Counters,
): Promise<UdpTransport> {
  const strangers = new StrangerQuota(clock, () => DATAGRAM_STRANGERS);
  const open = (port: number): Promise<UdpTransport> =>
    UdpTransport.open({
      ...runtime,
      host,
      port,
      clock,
      log,
      accept: (connection) => {
        const stranger = strangers.enter(addressOf(connection.peer), (fault) => {
          counts.add(fault === "late" ? "door-datagram-late" : "door-datagram-crowded");
          connection.close();
        });
        void connection.closed.then(() => stranger.done());
        handlers.accept(connection, () => stranger.done());
      },
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
    throw new MeanderError("address-invalid", "the host name does not resolve to an address", {
      where: `--host ${host}`,
      expected: "an address of this machine, such as 127.0.0.1",
      cause,
    });
  }
}
