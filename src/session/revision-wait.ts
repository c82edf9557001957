import type { MeanderError } from "../base/index.ts";

/** How a revision was dealt with: undefined when it was applied. */
export type Outcome = MeanderError | undefined;

/**
 * Waits until a revision, or a later one that replaced it, has been dealt with. It begins before the write whose
 * revision it waits for, because a watch may be faster than the answer to the write.
 */
export class RevisionWait {
  /** Settles with the outcome; never rejects. */
  readonly outcome: Promise<Outcome>;
  #wanted: number | undefined;
  #latest: { readonly revision: number; readonly outcome: Outcome } | undefined;
  #resolve: (outcome: Outcome) => void = () => {};

  constructor() {
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The write has its revision. */
  want(revision: number): void {
    this.#wanted = revision;
    this.#compare();
  }

  /** A revision has been dealt with. */
  note(revision: number, outcome: Outcome): void {
    this.#latest = { revision, outcome };
    this.#compare();
  }

  /** Ends the wait, whatever it has seen. */
  end(outcome: Outcome): void {
    this.#resolve(outcome);
  }

  #compare(): void {
    if (this.#wanted === undefined || this.#latest === undefined) return;
    if (this.#latest.revision >= this.#wanted) this.#resolve(this.#latest.outcome);
  }
}
