import type { ConnectionEnd } from "../stack/index.ts";

/** The end of a connection: happens once, with one reason for all listeners. */
export class Ending {
  /** Settles when {@link end} is called for the first time; never rejects. */
  readonly closed: Promise<ConnectionEnd>;
  #settle: (why: ConnectionEnd) => void = () => {};
  #hasEnded = false;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** True the first time; later reasons are ignored. */
  end(why: ConnectionEnd): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#settle(why);
    return true;
  }
}
