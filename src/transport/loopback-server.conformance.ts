import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from "node:net";
import { SystemClock } from "../base/index.ts";
import { loadNative } from "./native/load-native.ts";
import { NativeStreams } from "./native/native-streams.ts";

/** One upgrade request as an HTTP server gives it. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Uint8Array;
}

/** An HTTP server on loopback for the tests of transports that start with an upgrade. */
export class LoopbackServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #upgrades: Upgrade[] = [];
  readonly #waiting: ((upgrade: Upgrade) => void)[] = [];

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
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#upgrades.push(upgrade);
      else waiting(upgrade);
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
      this.#waiting.push(resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** A wire to a port on loopback that can be cut. */
export class CuttableWire implements AsyncDisposable {
  readonly address: string;
  readonly #server: TcpServer;
  readonly #sockets = new Set<Socket>();

  static async open(port: number): Promise<CuttableWire> {
    const server = createTcpServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new CuttableWire(server, port);
  }

  private constructor(server: TcpServer, port: number) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (near: Socket) => {
      const far = connect({ port, host: "127.0.0.1", noDelay: true });
      near.setNoDelay(true);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on("error", () => socket.destroy());
      }
    });
  }

  /** Both sides see a reset, as from a machine that has lost its memory. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Ways a server can serve its sockets on this machine, by name. */
export function streamVariants(): [string, NativeStreams | undefined][] {
  const { calls } = loadNative({ disabled: false });
  const stream: [string, undefined] = ["through the stream", undefined];
  if (calls === undefined) return [stream];
  return [stream, ["past the stream", new NativeStreams({ calls, clock: new SystemClock() })]];
}
