import { type Clock, Counters, every, LIMITS, type Log, MeanderError } from "../base/index.ts";
import { type Audit, NO_AUDIT } from "../trust/index.ts";
import type { MemberCaller } from "./caller.ts";
import type { LeaderDirectory } from "./leader-directory.ts";
import { MembersUse } from "./member-use.ts";
import type { Admit, MessageSocket } from "./message-socket.ts";
import type { DirectoryRights } from "./rights.ts";
import { ServerClient } from "./server-client.ts";

/** Serves a directory to any number of clients, each over a message socket. */
export class DirectoryServer {
  /**
   * `refused`: clients over the limit, and those that were not admitted. `invalid-…`: malformed messages, by fault;
   * each closed its client. `denied`: what clients may not do [D25]. `unasked`: answers to calls that are no longer
   * waiting or were never made.
   */
  readonly counts: Counters = new Counters();
  readonly #directory: LeaderDirectory;
  readonly #log: Log;
  readonly #clients = new Set<ServerClient>();
  /** Those that were admitted: only they count. */
  readonly #admitted = new Set<ServerClient>();
  readonly #rights: DirectoryRights;
  readonly #use: MembersUse;
  readonly #audit: Audit;
  readonly #stopWatchdog: () => void;
  #closed = false;

  /** @param options rights: what the clients may do; audit: where it is noted what they may not */
  constructor(
    directory: LeaderDirectory,
    {
      log,
      clock,
      rights,
      audit = NO_AUDIT,
    }: {
      readonly log: Log;
      readonly clock: Clock;
      readonly rights: DirectoryRights;
      readonly audit?: Audit;
    },
  ) {
    this.#directory = directory;
    this.#log = log;
    this.#rights = rights;
    this.#audit = audit;
    this.#use = new MembersUse(clock);
    this.#stopWatchdog = every(clock, "directory clients", LIMITS.directoryPingMs, () => {
      for (const client of [...this.#clients]) client.checkLife();
    });
  }

  /** Clients attached now. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /**
   * Serves a client until its socket ends. One over the limit is refused when it was admitted: until then it takes no
   * place.
   *
   * @param admit [D22] decides whether it is admitted; without it every client is
   */
  attach(socket: MessageSocket, admit?: Admit): void {
    if (this.#closed) {
      this.counts.add("refused");
      socket.close();
      return;
    }
    const client: ServerClient = new ServerClient(this.#directory, socket, {
      log: this.#log,
      counts: this.counts,
      admit,
      rights: this.#rights,
      use: this.#use,
      audit: this.#audit,
      enter: (caller) => {
        const clients = this.#admitted.size;
        if (clients >= LIMITS.directoryClientsMax) {
          this.#log.warn("A directory client was refused.", { clients });
          throw clientsFull();
        }
        this.#replaceOthers(caller);
        this.#admitted.add(client);
        socket.admitted?.();
      },
    });
    this.#clients.add(client);
    socket.onClose(() => {
      this.#clients.delete(client);
      this.#admitted.delete(client);
      client.end();
    });
  }

  /**
   * Sends away the clients that speak for a site.
   *
   * @param error why
   * @param except the token, and those from it, whose clients stay
   */
  dismiss(site: string, error: MeanderError, except?: string): void {
    for (const client of [...this.#admitted]) {
      const { caller } = client;
      if (caller?.site !== site || (except !== undefined && caller.token?.lineage === except))
        continue;
      client.dismiss(error);
    }
  }

  /** [D24] Whoever admitted this one gave the name to its token: those with another do not speak for it any more. */
  #replaceOthers({ site, token }: MemberCaller): void {
    if (site === undefined || token === undefined) return;
    const error = new MeanderError("site-name-owned", "the name belongs to another token now", {
      where: `site ${site}`,
      next: "choose another --name",
    });
    this.dismiss(site, error, token.lineage);
  }

  /** Closes all clients, and those that come later. The directory stays open. */
  close(): void {
    this.#closed = true;
    this.#stopWatchdog();
    for (const client of [...this.#clients]) client.shut();
  }
}

function clientsFull(): MeanderError {
  return new MeanderError("directory-full", "the directory has all the clients it takes", {
    where: "directory",
    expected: `at most ${LIMITS.directoryClientsMax} clients`,
    next: "end sites that are no longer used, or start another session",
  });
}
