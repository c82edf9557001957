/**
 * Callbacks of the event loop in which datagrams arrive, of one thread: what is sent meanwhile leaves when all that arrived
 * has been handed on.
 */
export class DeferredTasks {
  readonly #tasks: (() => void)[] = [];
  #isOpen = false;

  begin(): void {
    this.#isOpen = true;
  }

  /** Runs `task` at the end of this turn; outside of one, when what runs now has ended. */
  atEnd(task: () => void): void {
    if (this.#isOpen) this.#tasks.push(task);
    else process.nextTick(task);
  }

  end(): void {
    this.#isOpen = false;
    while (this.#tasks.length > 0) this.#tasks.shift()?.();
  }
}
