import { type Clock, type Log, messageOf } from "../../base/index.ts";

/** Interval at which lasting failures are logged, ms: there may be thousands in a second. */
const TELL_MS = 60_000;

/** Connections that could not be accepted, for lack of descriptors or memory: counted, and logged at intervals. */
export class AcceptFailures {
  readonly #clock: Pick<Clock, "now">;
  readonly #log: Pick<Log, "error">;
  #count = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor({
    clock,
    log,
  }: { readonly clock: Pick<Clock, "now">; readonly log: Pick<Log, "error"> }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Since the start. */
  get count(): number {
    return this.#count;
  }

  add(error: unknown): void {
    this.#count++;
    const now = this.#clock.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#log.error("A connection could not be accepted.", {
      error: messageOf(error),
      failures: this.#count,
    });
  }
}
