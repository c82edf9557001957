import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One upgrade request as an HTTP server gives it. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Uint8Array;
}

/** An HTTP server on loopback for the tests of transports that begin with an upgrade. */
export class LoopbackServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #upgrades: Upgrade[] = [];
  #waiting: ((upgrade: Upgrade) => void) | undefined;

  static async open(): Promise<LoopbackServer> {
    const server = createServer((_request, response) => response.writeHead(404).end());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new LoopbackServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket: Socket) => void this.#sockets.add(socket));
    server.on("upgrade", (request, socket, head) => {
      const upgrade = { request, socket: socket as Socket, head };
      if (this.#waiting === undefined) this.#upgrades.push(upgrade);
      else this.#waiting(upgrade);
      this.#waiting = undefined;
    });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Settles with the next upgrade request. */
  upgrade(): Promise<Upgrade> {
    const come = this.#upgrades.shift();
    if (come !== undefined) return Promise.resolve(come);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
