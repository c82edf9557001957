import { LIMITS } from "../base/index.ts";
import { SEGMENT, type Segment } from "./frames.ts";

/** The numbered segments of a window that are not known to be consumed. */
export class SegmentQueue {
  /** Those before `#head` are acknowledged. */
  #segments: Segment[] = [];
  #head = 0;
  #bytes = 0;
  #base: number;
  #next: number;

  /** @param first number of the first segment */
  constructor(first: number) {
    this.#base = this.#next = first;
  }

  /** Number of the first segment. */
  get base(): number {
    return this.#base;
  }

  /** Number of the segment that is added next. */
  get next(): number {
    return this.#next;
  }

  get isEmpty(): boolean {
    return this.#next === this.#base;
  }

  /** Whether it has reached one of its limits, which a message may exceed. */
  get isFull(): boolean {
    const { streamWindowSegmentsMax, streamWindowBytesMax } = LIMITS;
    return (
      this.#next - this.#base >= streamWindowSegmentsMax || this.#bytes >= streamWindowBytesMax
    );
  }

  /** The segment of that number, which must be from `base` to `next` - 1. */
  at(sequence: number): Segment {
    return this.#segments[this.#head + sequence - this.#base] as Segment;
  }

  /**
   * Adds a message, cut into segments of at most `segmentBytes`.
   *
   * @param flags of its first segment
   * @returns the number of its last segment
   */
  push(message: Uint8Array, flags: number, segmentBytes: number): number {
    if (message.byteLength <= segmentBytes)
      this.#add({ flags: flags | SEGMENT.end, bytes: message });
    else {
      for (let at = 0; at < message.byteLength; at += segmentBytes) {
        const end = Math.min(at + segmentBytes, message.byteLength);
        const last = end === message.byteLength ? SEGMENT.end : 0;
        this.#add({ flags: (at === 0 ? flags : 0) | last, bytes: message.subarray(at, end) });
      }
    }
    return this.#next - 1;
  }

  /** Removes all segments up to that number. */
  forget(upTo: number): void {
    const count = upTo + 1 - this.#base;
    for (let index = 0; index < count; index++) {
      this.#bytes -= this.#segments[this.#head + index]?.bytes.byteLength ?? 0;
    }
    this.#head += count;
    this.#base = upTo + 1;
    const isEmpty = this.#head >= this.#segments.length;
    if (!isEmpty && (this.#head <= 32 || this.#head * 2 <= this.#segments.length)) return;
    this.#segments = isEmpty ? [] : this.#segments.slice(this.#head);
    this.#head = 0;
  }

  /** Removes all segments. @returns how many messages they were */
  clear(): number {
    const messages = this.segments().filter(({ flags }) => (flags & SEGMENT.end) !== 0).length;
    this.forget(this.#next - 1);
    return messages;
  }

  /** All segments have other numbers now, higher by `shift`. */
  renumber(shift: number): void {
    this.#base += shift;
    this.#next += shift;
  }

  segments(): Segment[] {
    return this.#segments.slice(this.#head);
  }

  /** Replaces everything by the segments from `base` to `next` - 1. */
  adopt(base: number, next: number, segments: readonly Segment[]): void {
    this.#segments = [...segments];
    this.#head = 0;
    this.#bytes = segments.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    this.#base = base;
    this.#next = next;
  }

  #add(segment: Segment): void {
    this.#segments.push(segment);
    this.#bytes += segment.bytes.byteLength;
    this.#next++;
  }
}
