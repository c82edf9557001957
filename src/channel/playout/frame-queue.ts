import { assert } from "../../base/index.ts";

/** A decoded frame: holds memory outside the heap until it is closed. */
export interface TimedFrame {
  /** Counts the sources that follow each other: what an earlier one sent comes first, whatever its time. */
  readonly run: number;
  /** Orders the frames of a run, ms of media time. Unlike `mediaMs` never corrected, so that they keep their order. */
  readonly orderMs: number;
  /** Media time, ms: when it is due. May change while it waits. */
  readonly mediaMs: number;
  close(): void;
}

/**
 * Decoded frames that wait for their time, in presentation order. Owns what it holds: frames it gives up are closed.
 */
export class FrameQueue<T extends TimedFrame> {
  readonly capacity: number;
  #frames: T[] = [];
  #taken: Place | undefined;
  #skipped = 0;

  /** @param capacity most frames held, >= 1 */
  constructor(capacity: number) {
    assert(capacity >= 1, "a queue has room for at least one frame");
    this.capacity = capacity;
  }

  /** Frames held now. */
  get count(): number {
    return this.#frames.length;
  }

  /** Frames that were closed without having been shown, since the start. */
  get skipped(): number {
    return this.#skipped;
  }

  /**
   * Takes ownership of `frame`. A frame that arrives after a later one was shown is closed at once; when full, the
   * oldest is closed.
   */
  push(frame: T): void {
    if (this.#taken !== undefined && !isBefore(this.#taken, frame)) {
      this.#skip(frame);
      return;
    }
    let at = this.#frames.length;
    while (at > 0 && isBefore(frame, this.#frames[at - 1] as T)) at--;
    this.#frames.splice(at, 0, frame);
    if (this.#frames.length > this.capacity) this.#skip(this.#frames.shift() as T);
  }

  /**
   * The frame to show now, which the caller must close; undefined when none is due.
   *
   * The oldest frame, so that nothing is skipped after a short stall; but if that one is late by more than `lateMsMax`,
   * the newest due frame, so that the picture catches up. What precedes a frame that is due is due too.
   *
   * @param playAtMs the time that a media time is due at
   */
  take(nowMs: number, playAtMs: (mediaMs: number) => number, lateMsMax: number): T | undefined {
    const due = this.#frames.findLastIndex(({ mediaMs }) => playAtMs(mediaMs) <= nowMs) + 1;
    if (due === 0) return undefined;
    if (nowMs - playAtMs((this.#frames[0] as T).mediaMs) > lateMsMax) {
      for (const late of this.#frames.splice(0, due - 1)) this.#skip(late);
    }
    const frame = this.#frames.shift() as T;
    this.#taken = { run: frame.run, orderMs: frame.orderMs };
    return frame;
  }

  /** Closes what is held and starts over with a new media time. */
  clear(): void {
    for (const frame of this.#frames) this.#skip(frame);
    this.#frames = [];
    this.#taken = undefined;
  }

  #skip(frame: T): void {
    this.#skipped++;
    frame.close();
  }
}

type Place = Pick<TimedFrame, "run" | "orderMs">;

function isBefore(left: Place, right: Place): boolean {
  return left.run === right.run ? left.orderMs < right.orderMs : left.run < right.run;
}
