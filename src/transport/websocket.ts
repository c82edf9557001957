import { type ClientOptions, WebSocket } from "ws";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Connection, Transport } from "../stack/index.ts";
import { connectErrorOf, connectTimeout } from "./stream-end.ts";
import { type TlsTrust, tlsConnector } from "./tls.ts";
import { type MessageWriter, WebSocketConnection } from "./websocket-connection.ts";
import { frameHeaderBytes } from "./websocket-frame.ts";

/** Opens WebSocket connections to sites. */
export class WebSocketTransport implements Transport {
  readonly name = "websocket";
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  readonly #pending = new Set<() => void>();
  #isClosed = false;

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  /**
   * Connects to a URL such as `ws://127.0.0.1:7000/link`.
   *
   * @param options trust: by what a `wss:` site is trusted
   * @throws {MeanderError} `address-invalid`, `connect-refused`, `connect-timeout`, `transport-closed`, `tls-…`
   */
  async connect(
    url: string,
    options: { readonly trust?: TlsTrust | undefined } = {},
  ): Promise<Connection> {
    if (!/^wss?:$/.test(URL.canParse(url) ? new URL(url).protocol : "")) {
      throw new MeanderError("address-invalid", "not a WebSocket address", {
        where: JSON.stringify(url.slice(0, 300)),
        expected: "a URL such as ws://127.0.0.1:7000/link",
      });
    }
    const connection = await this.#open(url, options.trust);
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const giveUp of this.#pending) giveUp();
    for (const connection of this.#connections) connection.close();
  }

  #open(url: string, trust: TlsTrust | undefined): Promise<WebSocketConnection> {
    return new Promise((resolve, reject) => {
      const closedError = (): MeanderError =>
        new MeanderError("transport-closed", "the transport is closed", { where: url });
      if (this.#isClosed) {
        reject(closedError());
        return;
      }
      const socket = new WebSocket(url, {
        perMessageDeflate: false,
        maxPayload: LIMITS.batchBytesMax,
        followRedirects: false,
        ...secureOptions(url, { trust, clock: this.#clock }),
      });
      const fail = (error: MeanderError): void => {
        settle();
        reject(error);
        // Its own error, for having been cut before it was open, says nothing new.
        socket.on("error", () => {});
        socket.terminate();
      };
      const giveUp = (): void => fail(closedError());
      const onError = (error: Error): void => fail(connectErrorOf(error, url));
      const cancel = this.#clock.after("WebSocket connect", LIMITS.connectMsMax, () =>
        fail(connectTimeout(url)),
      );
      const settle = (): void => {
        cancel();
        this.#pending.delete(giveUp);
        socket.off("error", onError);
      };
      this.#pending.add(giveUp);
      socket.on("error", onError);
      socket.once("open", () => {
        settle();
        const options = { clock: this.#clock, peer: new URL(url).host };
        resolve(new WebSocketConnection(socket, maskedWriter(socket), options));
      });
    });
  }
}

/** For the WebSocket library: how a `wss:` address is connected to; nothing for others. */
export function secureOptions(
  url: string,
  options: { readonly trust?: TlsTrust | undefined; readonly clock: Clock },
): ClientOptions {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "wss:") return {};
  const address = {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? 443 : Number(port),
  };
  return { createConnection: tlsConnector(address, options) as unknown as Connect };
}

/** As in the library's types: a function that returns the socket, though it accepts one that comes later. */
type Connect = NonNullable<ClientOptions["createConnection"]>;

/** A client masks each message (RFC 6455 §5.3): no two frames are alike, so the library makes them. */
function maskedWriter(socket: WebSocket): MessageWriter {
  return {
    write(payload) {
      socket.send(payload);
      return frameHeaderBytes(payload.byteLength) + 4 + payload.byteLength;
    },
    pending: () => socket.bufferedAmount,
  };
}
