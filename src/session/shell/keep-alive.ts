import { type Cancel, type Clock, every, LIMITS } from "../../base/index.ts";

/**
 * [S10] Watches over a connection: asks the other end for a sign of life every {@link LIMITS.shellPingMs}, and gives up
 * when {@link LIMITS.shellSilencesMax} of them in a row brought none by the time of the next. Both ends do it, because
 * browsers slow down the timers of hidden pages.
 */
export class KeepAlive {
  readonly #cancel: Cancel;
  #silences = 0;

  constructor(clock: Clock, events: { ping(): unknown; dead(): void }) {
    this.#cancel = every(clock, "shell sign of life", LIMITS.shellPingMs, () => {
      if (this.#silences >= LIMITS.shellSilencesMax) {
        this.stop();
        events.dead();
        return;
      }
      this.#silences++;
      events.ping();
    });
  }

  /** Something came from the other end. */
  heard(): void {
    this.#silences = 0;
  }

  stop(): void {
    this.#cancel();
  }
}
