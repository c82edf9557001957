/** A chunk that was handed to a decoder. */
interface Handed {
  readonly ms: number;
  readonly seconds: number;
}

/** Less than half a sample at any rate, s. */
const ROUNDING = 1e-6;

/**
 * Tells which media time decoded sound has: decoders of sound count samples, whatever the times of the chunks, so after
 * a loss or a pause they are early by what is missing. Here each output belongs to the chunks that were handed in, in
 * order, by how long they last.
 */
export class SoundTimes {
  #handed: Handed[] = [];
  /** Sound of the oldest chunk that was output already, s. */
  #within = 0;
  /** Chunks handed in since the start. */
  #count = 0;

  /** Chunks whose sound was not output entirely. */
  get waiting(): number {
    return this.#handed.length;
  }

  /** Where the next chunk will be: for {@link forgetBefore}. */
  get position(): number {
    return this.#count;
  }

  /** A chunk of media time `ms` is handed to the decoder. @param seconds how long it lasts */
  push(ms: number, seconds: number): void {
    this.#handed.push({ ms, seconds });
    this.#count++;
  }

  /**
   * The decoder's next output.
   *
   * @param seconds how long it lasts
   * @returns media time of its first sample, ms; undefined when nothing was handed in for it
   */
  take(seconds: number): number | undefined {
    const first = this.#handed[0];
    if (first === undefined) return undefined;
    const ms = first.ms + this.#within * 1_000;
    this.#within += seconds;
    for (
      let oldest: Handed | undefined = first;
      oldest !== undefined && this.#within > oldest.seconds - ROUNDING;
      oldest = this.#handed[0]
    ) {
      this.#within -= oldest.seconds;
      this.#handed.shift();
    }
    // More than was handed in: the chunk was longer than it seemed.
    if (this.#handed.length === 0 || this.#within < ROUNDING) this.#within = 0;
    return ms;
  }

  /** The decoder outputs nothing more of chunks before `position`: it was flushed there. */
  forgetBefore(position: number): void {
    this.keepNewest(this.#count - position);
  }

  /** The decoder cannot hold more than the newest `count` chunks: of others it made nothing. */
  keepNewest(count: number): void {
    const surplus = this.#handed.length - count;
    if (surplus <= 0) return;
    this.#handed.splice(0, surplus);
    this.#within = 0;
  }

  /** The decoder begins again. */
  clear(): void {
    this.#handed = [];
    this.#within = 0;
  }
}
