import { type Clock, type Log, MeanderError } from "../../base/index.ts";
import type { Neighbour } from "../../reflector/index.ts";
import { type Connection, formatStack, parseStack } from "../../stack/index.ts";
import {
  type DatagramRuntime,
  formatAddress,
  LINK_PATH,
  TcpTransport,
  UdpTransport,
  WebSocketTransport,
} from "../../transport/index.ts";
import type { LinkStacks } from "./link-stacks.ts";

/** Opens links to other sites: makes a connection from a stack string and a site. */
export class LinkDialler {
  readonly #udp: UdpTransport;
  readonly #tcp: TcpTransport;
  readonly #webSocket: WebSocketTransport;
  /** A socket can have only one connection to a remote, so each further datagram stack has a socket of its own. */
  readonly #others = new Map<string, Promise<UdpTransport>>();
  readonly #stacks: LinkStacks;
  readonly #runtime: DatagramRuntime;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #log: Log;

  /** @param udp the site's socket, borrowed */
  constructor(options: {
    readonly udp: UdpTransport;
    readonly stacks: LinkStacks;
    readonly runtime: DatagramRuntime;
    readonly host: string;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#udp = options.udp;
    this.#stacks = options.stacks;
    this.#runtime = options.runtime;
    this.#host = options.host;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#tcp = new TcpTransport({ clock: options.clock });
    this.#webSocket = new WebSocketTransport({ clock: options.clock });
  }

  /** @throws {MeanderError} `stack-…`, and what the transports throw */
  async dial(neighbour: Neighbour, stack: string): Promise<Connection> {
    const { name } = parseStack(stack).transport;
    return this.#stacks.compose(stack, await this.#connect(name, stack, neighbour));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#tcp[Symbol.asyncDispose](),
      this.#webSocket[Symbol.asyncDispose](),
      ...[...this.#others.values()].map(async (transport) =>
        (await transport)[Symbol.asyncDispose](),
      ),
    ]);
  }

  async #connect(transport: string, stack: string, neighbour: Neighbour): Promise<Connection> {
    const { http, udp, tls } = neighbour;
    const httpAddress = formatAddress(http.host, http.port);
    switch (transport) {
      case "udp":
        return (await this.#socketFor(stack, neighbour)).connect(formatAddress(udp.host, udp.port));
      case "multicast": {
        const socket = await this.#socketFor(stack, neighbour);
        return socket.connect(formatAddress(udp.host, udp.port), bottomOf(stack));
      }
      case "tcp":
        return this.#tcp.connect(httpAddress, { tls });
      case "websocket": {
        const scheme = tls === undefined ? "ws" : "wss";
        const options = { trust: tls };
        return this.#webSocket.connect(`${scheme}://${httpAddress}${LINK_PATH}`, options);
      }
      default:
        throw new MeanderError(
          "transport-unavailable",
          "sites cannot be linked over that transport",
          {
            where: `stack ${stack}`,
            expected: "udp, multicast, tcp or websocket",
          },
        );
    }
  }

  /** The default stack uses the site's own socket, which its neighbours know. */
  #socketFor(stack: string, neighbour: Neighbour): Promise<UdpTransport> {
    if (stack === this.#stacks.stackTo(neighbour, "udp")) return Promise.resolve(this.#udp);
    const open = this.#others.get(stack);
    if (open !== undefined) return open;
    const opening = UdpTransport.open({
      ...this.#runtime,
      host: this.#host,
      port: 0,
      clock: this.#clock,
      log: this.#log,
    });
    this.#others.set(stack, opening);
    opening.catch(() => this.#others.delete(stack));
    return opening;
  }
}

/** The transport of a stack, with its parameters. */
function bottomOf(stack: string): string {
  return formatStack({ modules: [], transport: parseStack(stack).transport });
}
