/** What every arm of the bench `streams` sends: messages of 100 bytes, in batches that are acknowledged. */
export const MESSAGE_BYTES = 100;
export const BATCH_MESSAGES = 64;
/** Messages sent and not acknowledged, at most. */
export const WINDOW_MESSAGES = 2_048;

/** Batches in flight: sends as long as the window has room, for a while. */
export class BatchPump {
  readonly #sendBatch: () => void;
  #sent = 0;
  #acknowledged = 0;
  #until = 0;
  #ended: () => void = () => {};

  /** @param sendBatch sends {@link BATCH_MESSAGES} messages */
  constructor(sendBatch: () => void) {
    this.#sendBatch = sendBatch;
  }

  /** A batch has been acknowledged. */
  acknowledged(batches = 1): void {
    this.#acknowledged += batches * BATCH_MESSAGES;
    this.#send();
  }

  /** Sends for `seconds`; settles when all is acknowledged. */
  async run(seconds: number): Promise<{ messages: number; seconds: number }> {
    const start = performance.now();
    const before = this.#sent;
    this.#until = start + seconds * 1_000;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.#send();
    await ended;
    return { messages: this.#sent - before, seconds: (performance.now() - start) / 1_000 };
  }

  #send(): void {
    if (performance.now() < this.#until) {
      while (this.#sent - this.#acknowledged <= WINDOW_MESSAGES - BATCH_MESSAGES) {
        this.#sendBatch();
        this.#sent += BATCH_MESSAGES;
      }
    } else if (this.#sent === this.#acknowledged) this.#ended();
  }
}
