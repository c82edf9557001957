import type { Chore } from "./kernel-context.ts";

/** The turns of a kernel: what a call causes is sent when it ends, and what several parts ask for is done once. */
export class Turns {
  #depth = 0;
  /** Streams first: what they do is sent together with the acknowledgements of what arrived. */
  readonly #work = new Set<Chore>();
  readonly #talk = new Set<Chore>();

  /** Runs `task` as one turn, or as part of the present one. */
  turn<T>(task: () => T): T {
    this.#depth++;
    try {
      return task();
    } finally {
      if (this.#depth === 1) this.#end();
      this.#depth--;
    }
  }

  /** Calls `chore.endTurn` when the present turn ends; outside a turn, at once. @param isWork it may run handlers */
  atEnd(chore: Chore, isWork: boolean): void {
    (isWork ? this.#work : this.#talk).add(chore);
    if (this.#depth === 0) this.turn(() => {});
  }

  /** Drops what waits. */
  clear(): void {
    this.#work.clear();
    this.#talk.clear();
  }

  #end(): void {
    // A set that grows while it is iterated yields what was added.
    while (this.#work.size > 0 || this.#talk.size > 0) {
      for (const work of this.#work) {
        this.#work.delete(work);
        work.endTurn();
      }
      for (const talk of this.#talk) {
        this.#talk.delete(talk);
        talk.endTurn();
        if (this.#work.size > 0) break;
      }
    }
  }
}
