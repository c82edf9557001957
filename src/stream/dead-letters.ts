import { LIMITS } from "../base/index.ts";
import type { EndpointId } from "./model.ts";
import type { DeadLetter } from "./stream-state.ts";

/** Messages and events of a stream that were set aside after their handlers had failed, oldest first. */
export class DeadLetters {
  readonly #letters: DeadLetter[];

  /** @param letters what travelled with the stream */
  constructor(letters: readonly DeadLetter[]) {
    this.#letters = [...letters];
  }

  get all(): readonly DeadLetter[] {
    return this.#letters;
  }

  /** Whether there is no room for one more. */
  get isFull(): boolean {
    return this.#letters.length >= LIMITS.deadLettersMax;
  }

  find(which: { readonly source: EndpointId; readonly seq: number }): DeadLetter | undefined {
    return this.#letters.find(({ source, seq }) => source === which.source && seq === which.seq);
  }

  /** The payload is copied: a dead letter may stay for long, and must not retain the frame that its message came in. */
  add(letter: DeadLetter): void {
    this.#letters.push({ ...letter, payload: letter.payload.slice() });
  }

  remove(letter: DeadLetter): void {
    const index = this.#letters.indexOf(letter);
    if (index >= 0) this.#letters.splice(index, 1);
  }
}
