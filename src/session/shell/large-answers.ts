import { LIMITS } from "../../base/index.ts";

/** [S9] Fetches answers that are too large for one message, part by part, one after the other. */
export class LargeAnswers {
  readonly #fetch: (id: number) => void;
  readonly #waiting: number[] = [];
  #parts: string[] = [];
  #characters = 0;

  /** @param fetch asks for the next part of an answer */
  constructor(fetch: (id: number) => void) {
    this.#fetch = fetch;
  }

  /** An answer is ready to be fetched. */
  add(id: number): void {
    this.#waiting.push(id);
    if (this.#waiting.length === 1) this.#fetch(id);
  }

  /**
   * A part arrives. Returns the whole text after the last one; false when it was not requested or exceeds the limit.
   */
  part(id: number, text: string, last: boolean): string | undefined | false {
    if (this.#waiting[0] !== id) return false;
    this.#parts.push(text);
    this.#characters += text.length;
    if (this.#characters > LIMITS.shellAnswersMax) return false;
    if (!last) {
      this.#fetch(id);
      return undefined;
    }
    const whole = this.#parts.join("");
    this.#parts = [];
    this.#characters = 0;
    this.#waiting.shift();
    const next = this.#waiting[0];
    if (next !== undefined) this.#fetch(next);
    return whole;
  }
}
