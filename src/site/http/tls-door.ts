import type { Server as HttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, LIMITS } from "../../base/index.ts";

/** First byte of every TLS connection: a record with a handshake. */
const TLS_HANDSHAKE = 0x16;

/**
 * The port of a site with TLS: hands connections that speak TLS to one server, and those that speak plain HTTP to
 * another, which
 * answers with an error instead of silence.
 */
export class TlsDoor {
  readonly server: Server;
  readonly #secure: HttpServer;
  readonly #plain: HttpServer;
  readonly #clock: Clock;
  /** Connections that have sent nothing yet. */
  readonly #waiting = new Set<Socket>();

  /** @param secure takes its connections as they come from a socket, TLS and all */
  constructor(servers: { readonly secure: HttpServer; readonly plain: HttpServer }, clock: Clock) {
    this.#secure = servers.secure;
    this.#plain = servers.plain;
    this.#clock = clock;
    this.server = createServer({ noDelay: true }, (socket) => this.#look(socket));
  }

  /** Ends the connections that have sent nothing yet. */
  closeWaiting(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  #look(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.#waiting.size >= LIMITS.tlsHandshakesMax) return void socket.destroy();
    this.#waiting.add(socket);
    const cancel = this.#clock.after("TLS greeting", LIMITS.tlsHandshakeMs, () => socket.destroy());
    const done = (): void => {
      cancel();
      this.#waiting.delete(socket);
    };
    socket.once("close", done);
    socket.once("data", (bytes: Buffer) => {
      done();
      socket.off("close", done);
      socket.pause();
      socket.unshift(bytes);
      const server = bytes[0] === TLS_HANDSHAKE ? this.#secure : this.#plain;
      server.emit("connection", socket);
      process.nextTick(() => socket.resume());
    });
  }
}
