/** Weight of the newest measurement. */
const GAIN = 0.5;

/** A rate of bytes, smoothed over about two seconds. */
export class ByteRate {
  /** Bytes per second. */
  value = 0;
  #bytes = 0;
  #at: number;

  /** @param now ms */
  constructor(now: number) {
    this.#at = now;
  }

  /** Takes a measurement; every second. @param bytes counted so far. @param now ms */
  measure(bytes: number, now: number): void {
    const seconds = (now - this.#at) / 1000;
    if (seconds <= 0) return;
    const rate = (bytes - this.#bytes) / seconds;
    this.value += (rate - this.value) * GAIN;
    this.#bytes = bytes;
    this.#at = now;
  }
}
