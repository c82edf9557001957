import { type Clock, Counters, every, LIMITS, type Log } from "../base/index.ts";
import type { LeaderDirectory } from "./leader-directory.ts";
import type { Admit, MessageSocket } from "./message-socket.ts";
import { ServerClient } from "./server-client.ts";

/** Serves a directory to any number of clients, each over a message socket. */
export class DirectoryServer {
  /**
   * `refused`: clients over the limit, and those that were not admitted. `invalid-…`: malformed messages, by fault;
   * each closed its client. `unasked`: answers to calls that are no longer waiting or were never made.
   */
  readonly counts: Counters = new Counters();
  readonly #directory: LeaderDirectory;
  readonly #log: Log;
  readonly #clients = new Set<ServerClient>();
  readonly #stopWatchdog: () => void;
  #closed = false;

  constructor(
    directory: LeaderDirectory,
    { log, clock }: { readonly log: Log; readonly clock: Clock },
  ) {
    this.#directory = directory;
    this.#log = log;
    this.#stopWatchdog = every(clock, "directory clients", LIMITS.directoryPingMs, () => {
      for (const client of [...this.#clients]) client.checkLife();
    });
  }

  /** Clients attached now. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /**
   * Serves a client until its socket ends. Over the limit the socket is closed.
   *
   * @param admit [D22] decides whether it is admitted; without it every client is
   */
  attach(socket: MessageSocket, admit?: Admit): void {
    if (this.#closed || this.#clients.size >= LIMITS.directoryClientsMax) {
      this.counts.add("refused");
      this.#log.warn("A directory client was refused.", { clients: this.#clients.size });
      socket.close();
      return;
    }
    const client = new ServerClient(this.#directory, socket, {
      log: this.#log,
      counts: this.counts,
      admit,
    });
    this.#clients.add(client);
    socket.onClose(() => {
      this.#clients.delete(client);
      client.end();
    });
  }

  /** Closes all clients, and those that come later. The directory stays open. */
  close(): void {
    this.#closed = true;
    this.#stopWatchdog();
    for (const client of [...this.#clients]) client.shut();
  }
}
