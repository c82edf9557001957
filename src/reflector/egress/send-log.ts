import { type Clock, LIMITS } from "../../base/index.ts";

/** Sends closer together than this count as simultaneous, ms: the resolution of lags. */
const GRAIN_MS = 50;
/** Entries are kept this long, ms: subscribers that lag more are disconnected. About 240 entries. */
const KEEP_MS = LIMITS.lagCloseMs + 2_000;

/** Everything after the previous entry, up to `position`, was sent at `at` or later. */
interface Entry {
  position: number;
  readonly at: number;
}

/** Records when the positions of a history were sent, to one subscriber or to many at once. */
export class SendLog {
  readonly #clock: Pick<Clock, "now">;
  #entries: Entry[] = [];

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Everything up to `position` has been sent now. Positions sent before keep their time. */
  sent(position: number): void {
    const now = this.#clock.now();
    const last = this.#entries.at(-1);
    if (last !== undefined) {
      if (position <= last.position) return;
      if (now - last.at < GRAIN_MS) {
        last.position = position;
        return;
      }
    }
    this.#entries.push({ position, at: now });
    while (now - (this.#entries[0] as Entry).at > KEEP_MS) this.#entries.shift();
  }

  /** Forgets what is up to `position`. */
  settle(position: number): void {
    const first = this.#entries.findIndex((entry) => entry.position > position);
    if (first < 0) this.#entries = [];
    else if (first > 0) this.#entries.splice(0, first);
  }

  /** When the first position after `position` was sent; undefined when none was. */
  firstAfter(position: number): number | undefined {
    let at: number | undefined;
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index] as Entry;
      if (entry.position <= position) break;
      at = entry.at;
    }
    return at;
  }

  /** The newest position that was sent before `at`; -1 when none was. */
  lastBefore(at: number): number {
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index] as Entry;
      // Its later positions may have been sent up to one grain later.
      if (entry.at + GRAIN_MS < at) return entry.position;
    }
    return -1;
  }
}
