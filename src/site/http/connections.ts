import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { MeanderError } from "../../base/index.ts";
import { errorResponse } from "./messages.ts";

/**
 * The connections that came in at a port. When descriptors run out, the one that has said nothing for the longest time makes
 * room; when all have said something, newcomers are refused in words, so that there is one left for whoever works.
 */
export class Connections {
  readonly #descriptors: { readonly isSpent: boolean } | undefined;
  /** Those that have not asked for anything yet, oldest first; by the address of the other end. */
  readonly #silent = new Map<string, Socket>();
  #count = 0;

  constructor(descriptors: { readonly isSpent: boolean } | undefined) {
    this.#descriptors = descriptors;
  }

  get count(): number {
    return this.#count;
  }

  opened(socket: Socket): void {
    this.#count++;
    const key = keyOf(socket);
    socket.once("close", () => {
      this.#count--;
      if (this.#silent.get(key) === socket) this.#silent.delete(key);
    });
    if (this.#descriptors?.isSpent === true && !this.#makeRoom()) refuse(socket);
    else this.#silent.set(key, socket);
  }

  /** Somebody asked for something; over TLS that is another object than the connection's. */
  spoke(socket: Pick<Socket, "remoteAddress" | "remotePort">): void {
    this.#silent.delete(keyOf(socket));
  }

  #makeRoom(): boolean {
    for (const [key, socket] of this.#silent) {
      this.#silent.delete(key);
      socket.destroy();
      return true;
    }
    return false;
  }
}

function keyOf({
  remoteAddress,
  remotePort,
}: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress} ${remotePort}`;
}

function refuse(socket: Socket): void {
  const error = new MeanderError("overloaded", "the site has no descriptors left", {
    next: "try another site, or raise its limit of open files",
  });
  const { status, headers, body } = errorResponse(503, error);
  const lines = Object.entries({ ...headers, connection: "close" })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  socket.on("error", () => socket.destroy());
  // What cannot be said at once is not said: the descriptor is needed.
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines}\r\n${body}`);
  socket.destroySoon();
}
