import type { Socket } from "node:net";
import type { Clock } from "../../base/index.ts";

/** How many descriptors are left for connections. */
export interface Descriptors {
  /** True: nobody may stay any more; whoever asks is answered and let go. */
  readonly isSpent: boolean;
  /** True: not even that is possible. */
  readonly isNone: boolean;
}

/** What connects and says nothing for this long makes room first, ms. */
const SILENT_MS = 1_000;

/**
 * The connections that came in at a port. When descriptors run out, those that have asked for nothing make room, the oldest
 * first, so that there is one left for whoever does.
 */
export class Connections {
  readonly #descriptors: Descriptors | undefined;
  readonly #clock: Clock;
  /** Those that have not asked for anything yet, oldest first; by the address of the other end. */
  readonly #silent = new Map<string, { readonly socket: Socket; readonly at: number }>();
  #count = 0;

  constructor(descriptors: Descriptors | undefined, clock: Clock) {
    this.#descriptors = descriptors;
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether nobody may stay any more. */
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

  /** Somebody asked for something; over TLS that is another object than the connection's. */
  spoke(socket: Pick<Socket, "remoteAddress" | "remotePort">): void {
    this.#silent.delete(keyOf(socket));
  }

  /** Lets the oldest one go that has said nothing, if it came before `at`. */
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
