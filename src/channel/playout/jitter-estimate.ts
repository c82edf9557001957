/** The interarrival jitter of RFC 3550 §6.4.1, in ms. */
export class JitterEstimate {
  #transitMs: number | undefined;
  #jitterMs = 0;

  /** @param transitMs arrival minus media time of one packet, each in any constant time base */
  add(transitMs: number): void {
    if (this.#transitMs !== undefined) {
      this.#jitterMs += (Math.abs(transitMs - this.#transitMs) - this.#jitterMs) / 16;
    }
    this.#transitMs = transitMs;
  }

  /** The next packet belongs to another time base: its difference to the last means nothing. */
  interrupt(): void {
    this.#transitMs = undefined;
  }

  get jitterMs(): number {
    return this.#jitterMs;
  }
}
