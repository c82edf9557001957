import type { SegmentFrame } from "./segment-frame.ts";

/** Pictures that may stand between decoding and presentation: the most that H.264 and H.265 allow, and one. */
const HELD_MAX = 17;

/**
 * Determines by how much a video track must be decoded ahead of its presentation. Examines the first frames, which it
 * holds until that is known; encoders keep one order.
 */
export class ReorderLead {
  #held: SegmentFrame[] | undefined = [];
  #seconds = 0;

  /** The lead, s; 0 when frames arrive in presentation order, and as long as it is not known. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Adds the next frame in decoding order. @returns the frames that are ready, with times moved ahead by the lead */
  push(frame: SegmentFrame): SegmentFrame[] {
    if (this.#held === undefined) return [this.#moved(frame)];
    if (frame.key && this.#held.length > 0) return [...this.finish(), this.#moved(frame)];
    this.#held.push(frame);
    return this.#held.length < HELD_MAX ? [] : this.finish();
  }

  /** What is held. */
  finish(): SegmentFrame[] {
    const held = this.#held;
    if (held === undefined) return [];
    this.#held = undefined;
    const sorted = held.map(({ seconds }) => seconds).sort((left, right) => left - right);
    const leads = held.map(({ seconds }, index) => (sorted[index] as number) - seconds);
    this.#seconds = Math.max(0, ...leads);
    return held.map((frame) => this.#moved(frame));
  }

  #moved(frame: SegmentFrame): SegmentFrame {
    return this.#seconds === 0 ? frame : { ...frame, seconds: frame.seconds - this.#seconds };
  }
}
