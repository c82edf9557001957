import type { Change } from "./directory.ts";

/**
 * Tells a listener of changes, one at a time: what a listener causes is told after it has returned.
 *
 * What a listener throws is its bug; it surfaces as an uncaught error and disturbs no other listener.
 */
export class ChangeQueue {
  readonly #listener: (change: Change) => void;
  #waiting: Change[] = [];
  #running = false;
  #closed = false;

  constructor(listener: (change: Change) => void) {
    this.#listener = listener;
  }

  /** Tells of `changes` before it returns, unless the listener is running now. */
  push(changes: readonly Change[]): void {
    if (this.#closed) return;
    this.#waiting.push(...changes);
    if (this.#running) return;
    this.#running = true;
    for (let change = this.#waiting.shift(); change; change = this.#waiting.shift()) {
      this.#tell(change);
    }
    this.#running = false;
  }

  /** Nothing more is told. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  #tell(change: Change): void {
    try {
      this.#listener(change);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }
}
