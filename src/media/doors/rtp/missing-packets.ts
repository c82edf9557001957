import { serialAdd, serialDistance } from "../../../base/index.ts";

/** Consecutive numbers that have not arrived. */
export interface MissingRange {
  /** u16, the first. */
  readonly sequence: number;
  /** >= 1. */
  readonly count: number;
}

/** Most ranges waited for; beyond, the oldest is given up: reordering by 100 ms among 2,500 packets a second. */
const RANGES_MAX = 256;

/** The numbers that an RTP source skipped and may still deliver, oldest first. */
export class MissingPackets {
  #ranges: { sequence: number; count: number; since: number }[] = [];

  /** Ranges waited for. */
  get rangeCount(): number {
    return this.#ranges.length;
  }

  /**
   * Notes that `count` numbers from `sequence` on were skipped at `now` (ms). Returns a range given up for lack of
   * room.
   */
  skipped(sequence: number, count: number, now: number): MissingRange | undefined {
    this.#ranges.push({ sequence, count, since: now });
    return this.#ranges.length > RANGES_MAX ? this.#ranges.shift() : undefined;
  }

  /** Notes that a missing number arrived. @returns since when it was missing, ms; undefined: it was not */
  arrived(sequence: number): number | undefined {
    const index = this.#ranges.findIndex((range) => {
      const distance = serialDistance(range.sequence, sequence, 16);
      return distance >= 0 && distance < range.count;
    });
    const range = this.#ranges[index];
    if (range === undefined) return undefined;
    const before = serialDistance(range.sequence, sequence, 16);
    const after = range.count - before - 1;
    const { since } = range;
    const rest = [
      { sequence: range.sequence, count: before, since },
      { sequence: serialAdd(sequence, 1, 16), count: after, since },
    ];
    this.#ranges.splice(index, 1, ...rest.filter(({ count }) => count > 0));
    return since;
  }

  /** Removes and returns what has been missing since `before` (ms) or longer, with the time. */
  removeSince(before: number): (MissingRange & { readonly since: number })[] {
    const count = this.#ranges.findIndex(({ since }) => since > before);
    return this.#ranges.splice(0, count === -1 ? this.#ranges.length : count);
  }
}
