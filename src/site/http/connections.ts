import type { Socket } from "node:net";
import type { Clock } from "../../base/index.ts";

/** How many descriptors are left for connections. */
export interface Descriptors {
  /** True: no connection may stay open; a request is answered and its connection closed. */
  readonly isSpent: boolean;
  /** True: not even an answer is possible. */
  readonly isNone: boolean;
}

/** A connection that has sent nothing for this long is closed first, ms. */
const SILENT_MS = 1_000;

/**
 * The connections that came in at a port. When descriptors run out, those without a request are closed, the oldest
 * first, so that one is left for a client that sends one.
 */
export class Connections {
  readonly #descriptors: Descriptors | undefined;
  readonly #clock: Clock;
  /** Connections without a request yet, oldest first; by the peer's address. */
  readonly #silent = new Map<string, { readonly socket: Socket; readonly at: number }>();
  #count = 0;

  constructor(descriptors: Descriptors | undefined, clock: Clock) {
    this.#descriptors = descriptors;
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether no connection may stay open. */
  get isSpent(): boolean {
    return this.#descriptors?.isSpent ?? false;
  }

  opened(socket: Socket): void {
    this.#count++;
    const key = keyOf(socket);
    socket.once("close", () => {
      this.#count--;
      if (this.#silent.get(key)?.socket === socket) this.#silent.delete(key);
    });
    const at = this.#clock.now();
    if (this.isSpent) this.#makeRoom(at - SILENT_MS);
    if (this.#descriptors?.isNone === true && !this.#makeRoom(at)) socket.destroy();
    else this.#silent.set(key, { socket, at });
  }

  /** A request has come; over TLS its socket is another object than the connection's. */
  spoke(socket: Pick<Socket, "remoteAddress" | "remotePort">): void {
    this.#silent.delete(keyOf(socket));
  }

  /** Closes the oldest connection that has sent nothing, if it was opened before `at`. */
  #makeRoom(at: number): boolean {
    const [oldest] = this.#silent;
    if (oldest === undefined || oldest[1].at > at) return false;
    this.#silent.delete(oldest[0]);
    oldest[1].socket.destroy();
    return true;
  }
}

function keyOf({
  remoteAddress,
  remotePort,
}: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress} ${remotePort}`;
}
