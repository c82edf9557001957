import type { Change } from "./directory.ts";

/**
 * Delivers changes to a listener, one at a time: changes that a listener causes are delivered after it has returned.
 *
 * An error thrown by a listener surfaces as an uncaught error and does not affect other listeners.
 */
export class ChangeQueue {
  readonly #listener: (change: Change) => void;
  #waiting: Change[] = [];
  #running = false;
  #closed = false;

  constructor(listener: (change: Change) => void) {
    this.#listener = listener;
  }

  /** Delivers `changes` before it returns, unless the listener is running now. */
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

  /** Delivers nothing more. */
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
