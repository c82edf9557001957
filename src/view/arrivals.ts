/** Frames kept: the window at 120 frames per second. */
const FRAME_COUNT_MAX = 7_200;
/** Path changes kept. */
const MARK_COUNT_MAX = 100;

/** A path change among the frames. */
export interface PathMark {
  /** Monotonic, ms. */
  readonly at: number;
  readonly path: readonly string[];
}

/** The window, column by column, oldest first; one entry per frame. */
export interface ArrivalWindow {
  /** Monotonic, ms. */
  readonly at: readonly number[];
  /** Since the frame before, ms; undefined for the first. */
  readonly gapMs: readonly (number | undefined)[];
  /** Ingest to player, ms; undefined where not known. */
  readonly latencyMs: readonly (number | undefined)[];
  readonly marks: readonly PathMark[];
}

/** Frame arrivals at a player over a moving window, with the path changes between them. Bounded. */
export class ArrivalLog {
  readonly #windowMs: number;
  #frames: { at: number; gapMs: number | undefined; latencyMs: number | undefined }[] = [];
  #marks: PathMark[] = [];
  #path: readonly string[] = [];

  /** `windowMs` > 0: how far back {@link window} goes. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Notes a frame at `at` (monotonic, ms; not before the last one). */
  frame(at: number, latencyMs: number | undefined): void {
    const last = this.#frames.at(-1);
    this.#frames.push({ at, gapMs: last && at - last.at, latencyMs });
    if (this.#frames.length > 2 * FRAME_COUNT_MAX)
      this.#frames = this.#frames.slice(-FRAME_COUNT_MAX);
  }

  /** Notes the path at `at`; a mark is kept when it differs from the one before. */
  path(at: number, path: readonly string[]): void {
    if (path.length === 0 || path.join(">") === this.#path.join(">")) return;
    if (this.#path.length > 0) this.#marks.push({ at, path });
    if (this.#marks.length > MARK_COUNT_MAX) this.#marks.shift();
    this.#path = path;
  }

  /** Forgets everything: another channel, another player. */
  clear(): void {
    this.#frames = [];
    this.#marks = [];
    this.#path = [];
  }

  /** What happened in the window that ends at `now`; forgets what is older. */
  window(now: number): ArrivalWindow {
    const from = now - this.#windowMs;
    this.#frames = this.#frames.filter((frame) => frame.at >= from).slice(-FRAME_COUNT_MAX);
    this.#marks = this.#marks.filter((mark) => mark.at >= from);
    return {
      at: this.#frames.map((frame) => frame.at),
      gapMs: this.#frames.map((frame) => frame.gapMs),
      latencyMs: this.#frames.map((frame) => frame.latencyMs),
      marks: this.#marks,
    };
  }
}
