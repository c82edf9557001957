/**
 * Tasks that run at the end of the event-loop callback in which datagrams arrive, when all of them have been handed on:
 * what is sent meanwhile leaves together.
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
