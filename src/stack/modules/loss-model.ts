import type { Random } from "../../base/index.ts";

/** Decides packet by packet what is lost: a share on average, alone or in bursts. */
export class LossModel {
  readonly #random: Random;
  /** Probability that a burst starts, and that it ends, with each packet. */
  readonly #begins: number;
  readonly #ends: number;
  readonly #isBursty: boolean;
  #inBurst = false;

  /**
   * @param ratio lost on average, 0..1
   * @param burst mean length of a burst (Gilbert's model: everything in a burst is lost, nothing outside); 0: each
   *   packet is lost independently
   */
  constructor(random: Random, ratio: number, burst: number) {
    this.#random = random;
    this.#isBursty = burst > 0 && ratio < 1;
    this.#ends = this.#isBursty ? 1 / burst : 0;
    this.#begins = this.#isBursty ? Math.min(1, (this.#ends * ratio) / (1 - ratio)) : ratio;
  }

  /** Whether the next packet is lost. Draws one number. */
  next(): boolean {
    const chance = this.#random.float();
    if (!this.#isBursty) return chance < this.#begins;
    this.#inBurst = this.#inBurst ? chance >= this.#ends : chance < this.#begins;
    return this.#inBurst;
  }
}
