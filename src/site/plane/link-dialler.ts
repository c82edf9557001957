import { type Clock, type Log, MeanderError } from "../../base/index.ts";
import type { Neighbour } from "../../reflector/index.ts";
import { type Connection, completeStack, composeStack, parseStack } from "../../stack/index.ts";
import {
  formatAddress,
  LINK_PATH,
  TcpTransport,
  UdpTransport,
  WebSocketTransport,
} from "../../transport/index.ts";

/** The stack of datagram links unless configured otherwise. */
export const DATAGRAM_STACK = completeStack("udp");

/** Opens links to other sites: a stack string and a site become a connection. */
export class LinkDialler {
  readonly #udp: UdpTransport;
  readonly #tcp: TcpTransport;
  readonly #webSocket: WebSocketTransport;
  /** A socket tells only one connection to a remote apart, so each further datagram stack has one of its own. */
  readonly #others = new Map<string, Promise<UdpTransport>>();
  readonly #host: string;
  readonly #clock: Clock;
  readonly #log: Log;

  /** @param udp the site's socket, borrowed */
  constructor(options: { udp: UdpTransport; host: string; clock: Clock; log: Log }) {
    this.#udp = options.udp;
    this.#host = options.host;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#tcp = new TcpTransport({ clock: options.clock });
    this.#webSocket = new WebSocketTransport({ clock: options.clock });
  }

  /** @throws {MeanderError} `stack-…`, and what the transports throw */
  async dial({ http, udp, tls }: Neighbour, stack: string): Promise<Connection> {
    const complete = completeStack(stack);
    const { modules, transport } = parseStack(complete);
    const connection = await this.#connect(transport.name, { complete, http, udp, tls });
    return composeStack(modules, connection, this.#clock);
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

  async #connect(
    transport: string,
    { complete, http, udp, tls }: { complete: string } & Pick<Neighbour, "http" | "udp" | "tls">,
  ): Promise<Connection> {
    const httpAddress = formatAddress(http.host, http.port);
    switch (transport) {
      case "udp":
        return (await this.#socketFor(complete)).connect(formatAddress(udp.host, udp.port));
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
          "sites are not linked over that transport",
          {
            where: `stack ${complete}`,
            expected: "udp, tcp or websocket",
          },
        );
    }
  }

  #socketFor(stack: string): Promise<UdpTransport> {
    if (stack === DATAGRAM_STACK) return Promise.resolve(this.#udp);
    const open = this.#others.get(stack);
    if (open !== undefined) return open;
    const opening = UdpTransport.open({
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
