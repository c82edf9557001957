import { type Clock, LIMITS } from "../base/index.ts";

/** Writes closer together than this are of one age, ms. */
const GRAIN_MS = 10;
/** At {@link GRAIN_MS} apart more than the time after which a subscriber is disconnected. */
const MARKS_MAX = 2_048;

/** Bytes up to `end` (counted from the first ever written) were written at `at` or later. */
interface Mark {
  readonly at: number;
  end: number;
}

/**
 * What a stream has been given and not yet passed to the kernel, and for how long. Costs nothing per write while the
 * kernel takes everything at once.
 */
export class StreamBacklog {
  readonly #clock: Pick<Clock, "now">;
  readonly #pending: () => number;
  #written = 0;
  #marks: Mark[] = [];

  /** @param pending bytes that the stream holds now */
  constructor(clock: Pick<Clock, "now">, pending: () => number) {
    this.#clock = clock;
    this.#pending = pending;
  }

  /** Whether `count` more bytes stay within `LIMITS.backlogBytesMax`. */
  hasRoomFor(count: number): boolean {
    return this.#pending() + count <= LIMITS.backlogBytesMax;
  }

  /** Call after each write of `count` bytes. */
  wrote(count: number): void {
    this.#written += count;
    if (this.#pending() === 0) {
      if (this.#marks.length > 0) this.#marks = [];
      return;
    }
    const now = this.#clock.now();
    const newest = this.#marks.at(-1);
    if (newest !== undefined && (now - newest.at < GRAIN_MS || this.#marks.length === MARKS_MAX)) {
      newest.end = this.#written;
    } else {
      this.#marks.push({ at: now, end: this.#written });
    }
  }

  /** See Connection.backlog. */
  report(): { readonly bytes: number; readonly oldestMs: number } {
    const bytes = this.#pending();
    if (bytes === 0) {
      this.#marks = [];
      return { bytes: 0, oldestMs: 0 };
    }
    const finished = this.#written - bytes;
    const unfinished = this.#marks.findIndex(({ end }) => end > finished);
    if (unfinished > 0) this.#marks.splice(0, unfinished);
    const oldest = this.#marks[0];
    return { bytes, oldestMs: oldest === undefined ? 0 : this.#clock.now() - oldest.at };
  }
}
