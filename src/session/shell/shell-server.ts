import { type Clock, Counters, LIMITS, type Log, MeanderError } from "../../base/index.ts";
import type { Admit, MessageSocket } from "../../directory/index.ts";
import { type AttachShell, ServedShell } from "./served-shell.ts";

/** Serves any number of shells, each over a message socket with a port of its own. */
export class ShellServer {
  /**
   * `refused`: shells over the limit, and those that were not admitted or could not be attached; `silent`: shells that stopped responding;
   * `invalid-…`: messages, by what was wrong. Each ended its shell.
   */
  readonly counts: Counters = new Counters();
  readonly #attach: AttachShell;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #shells = new Set<ServedShell>();
  /** Those that were admitted: only they count. */
  readonly #admitted = new Set<ServedShell>();
  #isClosed = false;

  /** @param attach makes the port of each; the server closes it */
  constructor(attach: AttachShell, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#attach = attach;
    this.#clock = clock;
    this.#log = log;
  }

  /** Shells that are admitted now. */
  get shellCount(): number {
    return this.#admitted.size;
  }

  /**
   * Serves one more shell until its socket ends. One over the limit is refused when it was admitted: until then it
   * takes no place.
   *
   * @param admit [S12] admits it; undefined: every shell is admitted
   */
  accept(socket: MessageSocket, admit?: Admit): void {
    if (this.#isClosed) {
      this.counts.add("refused");
      socket.close();
      return;
    }
    const { counts } = this;
    const shell: ServedShell = new ServedShell(socket, {
      attach: (request) => {
        if (this.#admitted.size >= LIMITS.shellsMax) throw shellsFull();
        this.#admitted.add(shell);
        socket.admitted?.();
        return this.#attach(request);
      },
      admit,
      clock: this.#clock,
      log: this.#log,
      counts,
    });
    this.#shells.add(shell);
    socket.onClose(() => {
      this.#shells.delete(shell);
      this.#admitted.delete(shell);
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

function shellsFull(): MeanderError {
  return new MeanderError("shells-full", `the site has its ${LIMITS.shellsMax} shells`, {
    next: "close shells that are no longer used, or connect to another site",
  });
}
