/** Turns that the event loop is asked for at once: its rounds cost more than they do. */
const AHEAD = 64;

/**
 * Turns of the event loop. Between two of them all promises that can settle have, and rejections that nobody handled have been told; now and then
 * the rest of the process gets its turn.
 */
export class Turns {
  #ahead = 0;
  #wake: (() => void) | undefined;

  /** Settles in the next turn. One at a time. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#ahead > 0) return;
      this.#ahead = AHEAD;
      for (let count = 0; count < AHEAD; count++) setImmediate(this.#turn);
    });
  }

  readonly #turn = (): void => {
    this.#ahead--;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };
}
