/** What is wrong with the number of a unit. */
export type NumberFault = "replayed" | "too-old" | "out-of-order";

/** Which numbers were there. Ask with `faultOf` before the unit is opened, and `accept` only what was authentic. */
export interface NumberWindow {
  faultOf(number: number): NumberFault | undefined;
  accept(number: number): void;
}

const WORD_BITS = 32;
const WORDS = 64;
/** How far behind the newest a number may be: one word of the ring is always being emptied. */
export const REPLAY_WINDOW = (WORDS - 1) * WORD_BITS;

/**
 * For units that arrive in any order: accepts each number once, as far as {@link REPLAY_WINDOW} behind the newest. A
 * ring of bits that moves by whole words (RFC 6479), so that a jump costs at most its length.
 */
export class ReplayWindow implements NumberWindow {
  readonly #words = new Uint32Array(WORDS);
  /** Newest accepted; -1 before the first. */
  #newest = -1;

  faultOf(number: number): NumberFault | undefined {
    if (number > this.#newest) return undefined;
    // Behind the first number nothing is missing, but a window has one length.
    if (this.#newest - number >= REPLAY_WINDOW) return "too-old";
    const word = this.#words[wordOf(number)] as number;
    return (word & (1 << (number % WORD_BITS))) === 0 ? undefined : "replayed";
  }

  accept(number: number): void {
    if (number > this.#newest) {
      const last = Math.floor(this.#newest / WORD_BITS);
      const next = Math.floor(number / WORD_BITS);
      const count = Math.min(WORDS, next - last);
      for (let step = 1; step <= count; step++) this.#words[(last + step + WORDS) % WORDS] = 0;
      this.#newest = number;
    }
    const at = wordOf(number);
    this.#words[at] = (this.#words[at] as number) | (1 << (number % WORD_BITS));
  }
}

/** For units that come in order and whole: each number is the next. */
export class OrderedNumbers implements NumberWindow {
  #next = 0;

  faultOf(number: number): NumberFault | undefined {
    if (number === this.#next) return undefined;
    return number < this.#next ? "replayed" : "out-of-order";
  }

  accept(number: number): void {
    this.#next = number + 1;
  }
}

function wordOf(number: number): number {
  return Math.floor(number / WORD_BITS) % WORDS;
}
