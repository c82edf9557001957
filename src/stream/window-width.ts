import { LIMITS } from "../base/index.ts";

const MIN = 2;

/**
 * How many segments a window may have under way: grows with what arrives in time and halves with what does not
 * (docs/spec/streams.md [M26], [M28]).
 */
export class WindowWidth {
  /** The width at the start, and the most after the target's location has changed. */
  static readonly INITIAL = 32;
  #width = WindowWidth.INITIAL;
  /** Below it the width grows by each segment that arrives, above it by one in a round trip. */
  #threshold: number = LIMITS.streamWindowSegmentsMax;

  /** Segments. */
  get segments(): number {
    return Math.floor(this.#width);
  }

  arrived(segments: number): void {
    const growth = this.#width < this.#threshold ? segments : segments / this.#width;
    this.#width = Math.min(this.#width + growth, LIMITS.streamWindowSegmentsMax);
  }

  timedOut(): void {
    this.#threshold = Math.max(this.#width / 2, MIN);
    this.#width = this.#threshold;
  }

  /** The target has another location. */
  rerouted(): void {
    this.#width = Math.min(this.#width, WindowWidth.INITIAL);
  }
}
