import { request } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Connection, Transport } from "../stack/index.ts";
import { parseAddress } from "./address.ts";
import type { NativeStreams } from "./native/native-streams.ts";
import { connectErrorOf, connectTimeout } from "./stream-end.ts";
import { peerOf, TcpConnection } from "./tcp-connection.ts";
import { type TlsTrust, tlsConnector } from "./tls.ts";

/** Path of links, on a site's HTTP port. */
export const LINK_PATH = "/link";
/** What a TCP link's request asks to upgrade to. */
export const LINK_UPGRADE = "meander";

/** Opens TCP connections to sites: an HTTP/1.1 upgrade on the site's HTTP port, then packets both ways. */
export class TcpTransport implements Transport {
  readonly name = "tcp";
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  readonly #pending = new Set<() => void>();
  #isClosed = false;

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  /**
   * Connects to `host:port`.
   *
   * @param options tls: over TLS, to whom that trusts
   * @throws {MeanderError} `address-invalid`, `connect-refused`, `connect-timeout`, `transport-closed`, `tls-…`
   */
  async connect(
    address: string,
    options: { readonly tls?: TlsTrust | undefined } = {},
  ): Promise<Connection> {
    const { host, port } = parseAddress(address);
    const { socket, head } = await this.#upgrade(host, port, address, options.tls);
    const connection = new TcpConnection(socket, head, { clock: this.#clock, peer: address });
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const giveUp of this.#pending) giveUp();
    for (const connection of this.#connections) connection.close();
  }

  #upgrade(
    host: string,
    port: number,
    address: string,
    tls: TlsTrust | undefined,
  ): Promise<{ readonly socket: Duplex; readonly head: Uint8Array }> {
    return new Promise((resolve, reject) => {
      const closedError = (): MeanderError =>
        new MeanderError("transport-closed", "the transport is closed", { where: address });
      if (this.#isClosed) {
        reject(closedError());
        return;
      }
      const outgoing = request({
        host,
        port,
        path: LINK_PATH,
        ...(tls === undefined
          ? { agent: false }
          : { createConnection: tlsConnector({ host, port }, { trust: tls, clock: this.#clock }) }),
        headers: { Connection: "Upgrade", Upgrade: LINK_UPGRADE },
      });
      const fail = (error: MeanderError): void => {
        settle();
        outgoing.destroy();
        reject(error);
      };
      const giveUp = (): void => fail(closedError());
      const cancel = this.#clock.after("TCP connect", LIMITS.connectMsMax, () =>
        fail(connectTimeout(address)),
      );
      const settle = (): void => {
        cancel();
        this.#pending.delete(giveUp);
      };
      this.#pending.add(giveUp);
      outgoing.on("upgrade", (_response, socket, head) => {
        settle();
        resolve({ socket, head });
      });
      outgoing.on("response", ({ statusCode, statusMessage }) =>
        fail(
          new MeanderError("connect-refused", `answered ${statusCode} ${statusMessage}`, {
            where: address,
            expected: `101 on ${LINK_PATH}`,
          }),
        ),
      );
      // Also after it was settled, when destroying makes one more error.
      outgoing.on("error", (error) => fail(connectErrorOf(error, address)));
      outgoing.end();
    });
  }
}

/**
 * The server's side of a TCP link, for an `upgrade` request whose `Upgrade` is {@link LINK_UPGRADE}. Writes the `101`
 * answer; `socket` belongs to the connection from now on.
 *
 * @param head what was read behind the request
 * @param options `native`: what passes by the runtime's streams
 */
export function acceptTcp(
  socket: Duplex,
  head: Uint8Array,
  options: { readonly clock: Clock; readonly native?: NativeStreams | undefined },
): Connection {
  const connection = new TcpConnection(socket, head, { ...options, peer: peerOf(socket) });
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${LINK_UPGRADE}\r\n\r\n`,
  );
  return connection;
}
