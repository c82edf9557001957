import { type Clock, Counters, LIMITS, type Log, MeanderError } from "../../base/index.ts";
import type { Admit, MessageSocket } from "../../directory/index.ts";
import { type AttachShell, ServedShell } from "./served-shell.ts";

/** Serves any number of shells, each over a message socket with a port of its own. */
export class ShellServer {
  /**
   * `refused`: shells over the limit, and those that could not be attached; `silent`: shells that stopped responding;
   * `invalid-…`: messages, by what was wrong. Each ended its shell.
   */
  readonly counts: Counters = new Counters();
  readonly #attach: AttachShell;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #shells = new Set<ServedShell>();
  #isClosed = false;

  /** @param attach makes the port of each; the server closes it */
  constructor(attach: AttachShell, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#attach = attach;
    this.#clock = clock;
    this.#log = log;
  }

  /** Shells connected now. */
  get shellCount(): number {
    return this.#shells.size;
  }

  /**
   * Serves one more shell until its socket ends. Over the limit the socket is closed.
   *
   * @param admit [S12] admits it; undefined: every shell is admitted
   */
  accept(socket: MessageSocket, admit?: Admit): void {
    if (this.#isClosed || this.#shells.size >= LIMITS.shellsMax) {
      this.counts.add("refused");
      socket.close();
      return;
    }
    const { counts } = this;
    const shell = new ServedShell(socket, {
      attach: this.#attach,
      admit,
      clock: this.#clock,
      log: this.#log,
      counts,
    });
    this.#shells.add(shell);
    socket.onClose(() => {
      this.#shells.delete(shell);
      void shell.end();
    });
  }

  /** Closes all shells and refuses later ones. Resolves when their ports are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const error = new MeanderError("site-stopped", "the site is stopping");
    await Promise.all([...this.#shells].map((shell) => shell.close(error)));
  }
}
