/** Pictures that may stand between decoding and presentation: the most that H.264 allows. */
const REORDER_MAX = 16;
const EMPTY: readonly never[] = Object.freeze([]);

/** Something in decode order with a presentation time. */
interface Timed {
  /** Seconds. */
  readonly presentation: number;
}

/** With the time at which it is to be decoded, seconds: never after its presentation. */
export type Decodable<T> = T & { readonly decode: number };

/**
 * Determines decoding times for files that only have presentation times. Frames are decoded at the pace at which they
 * are presented, early enough that each is ready in time.
 *
 * Looks ahead by the longest possible reordering, so it holds 17 frames. Without reordering the two times are equal.
 */
export class DecodeOrder<T extends Timed> {
  readonly #waiting: T[] = [];
  /** Decoding times, ascending: the presentation times, after those from before the first. */
  readonly #times: number[] = [];
  #isStarted = false;

  /** Adds the next frame in decode order. @returns the frames that are ready */
  push(frame: T): readonly Decodable<T>[] {
    this.#waiting.push(frame);
    const at = this.#times.findLastIndex((time) => time <= frame.presentation);
    this.#times.splice(at + 1, 0, frame.presentation);
    return this.#waiting.length > REORDER_MAX ? [this.#take()] : EMPTY;
  }

  /** The frames that are left, at the end. */
  finish(): Decodable<T>[] {
    return Array.from({ length: this.#waiting.length }, () => this.#take());
  }

  #take(): Decodable<T> {
    if (!this.#isStarted) this.#start();
    const frame = this.#waiting.shift() as T;
    const time = this.#times.shift() as number;
    return { ...frame, decode: Math.min(frame.presentation, time) };
  }

  /** Decoding begins as many frames early as the first frames need: encoders keep one order. */
  #start(): void {
    this.#isStarted = true;
    let lead = 0;
    for (const [index, { presentation }] of this.#waiting.entries()) {
      const rank = this.#waiting.filter((other) => other.presentation < presentation).length;
      lead = Math.max(lead, index - rank);
    }
    const [first = 0, second = first] = this.#times;
    for (let early = 1; early <= lead; early++)
      this.#times.unshift(first - early * (second - first));
  }
}
