/** Shortest and longest wait before something is sent again, ms. */
const TIMEOUT_MS_MIN = 20;
const TIMEOUT_MS_MAX = 2_000;
/** Before the first measurement. */
const TIMEOUT_MS_FIRST = 200;

/**
 * The smoothed round-trip time of one window and the timeout made of it (docs/spec/streams.md [M27]: RFC 6298 §2, with
 * bounds of our own).
 */
export class RoundTrip {
  #smoothedMs = -1;
  #deviationMs = 0;
  #backoff = 1;

  /** Undefined before the first measurement. */
  get smoothedMs(): number | undefined {
    return this.#smoothedMs < 0 ? undefined : this.#smoothedMs;
  }

  /** How long to wait for an acknowledgement, ms. */
  get timeoutMs(): number {
    const plain =
      this.#smoothedMs < 0
        ? TIMEOUT_MS_FIRST
        : this.#smoothedMs + Math.max(4 * this.#deviationMs, 5);
    return Math.min(Math.max(plain, TIMEOUT_MS_MIN) * this.#backoff, TIMEOUT_MS_MAX);
  }

  /** A segment was acknowledged that had been sent once (Karn's rule). */
  measured(ms: number): void {
    if (this.#smoothedMs < 0) {
      this.#smoothedMs = ms;
      this.#deviationMs = ms / 2;
    } else {
      this.#deviationMs = 0.75 * this.#deviationMs + 0.25 * Math.abs(this.#smoothedMs - ms);
      this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * ms;
    }
    this.#backoff = 1;
  }

  /** Something new was acknowledged. */
  progressed(): void {
    this.#backoff = 1;
  }

  timedOut(): void {
    this.#backoff = Math.min(this.#backoff * 2, 64);
  }
}
