import { serialDistance } from "../../base/index.ts";
import type { WorldViewer } from "./world-viewer.ts";

/** What a simulated viewer received, from its first packet of each source generation on. */
export interface ViewerAccount {
  /** Packets received, those that came twice included. */
  readonly received: number;
  /** Numbers between the first packet of a generation and the last that never came. */
  readonly missing: number;
  /** Packets that came again. */
  readonly repeated: number;
}

/**
 * Counts what a viewer misses and what it got twice, by the numbers of the packets of each source generation. What was
 * sent before its first packet, and was repaired after it, may come or not.
 *
 * @param generation only what is missing of this one counts as missing; default: of all
 */
export function accountOf(viewer: WorldViewer, generation?: number): ViewerAccount {
  let [missing, repeated] = [0, 0];
  for (const { generation: own, offsets, count } of flowsOf(viewer)) {
    const distinct = new Set(offsets);
    if (generation === undefined || own === generation) missing += count - distinct.size;
    repeated += offsets.length - distinct.size;
  }
  return { received: viewer.received.length, missing, repeated };
}

/** What a viewer misses, in words: `generation 0: 17..20, 33..33`. */
export function missingWords(viewer: WorldViewer): string {
  const words: string[] = [];
  for (const { generation, first, offsets, count } of flowsOf(viewer)) {
    const distinct = new Set(offsets);
    const ranges: string[] = [];
    for (let from = 0; from < count; from++) {
      if (distinct.has(from)) continue;
      let to = from;
      while (to + 1 < count && !distinct.has(to + 1)) to++;
      ranges.push(`${(first + from) & 0xffff}..${(first + to) & 0xffff}`);
      from = to;
    }
    if (ranges.length > 0) words.push(`generation ${generation}: ${ranges.join(", ")}`);
  }
  return words.join("; ");
}

/** What a viewer got of one source generation. */
interface Flow {
  readonly generation: number;
  /** Number of its first packet. */
  readonly first: number;
  /** Numbers received, from the first one on, in order of arrival. */
  readonly offsets: readonly number[];
  /** From the first to the last. */
  readonly count: number;
}

function flowsOf({ received, generations }: WorldViewer): Flow[] {
  return [...new Set(generations)].map((generation) => {
    const numbers = received.filter((_, index) => generations[index] === generation);
    const [first = 0] = numbers;
    const offsets = numbers
      .map((each) => serialDistance(first, each, 16))
      .filter((offset) => offset >= 0);
    return { generation, first, offsets, count: Math.max(-1, ...offsets) + 1 };
  });
}

/** The longest time between two packets of which the later came at `from` or after it, ms. */
export function longestGap({ times }: WorldViewer, from = 0): number {
  let longest = 0;
  for (let i = 1; i < times.length; i++) {
    const [before, now] = [times[i - 1] as number, times[i] as number];
    if (now >= from) longest = Math.max(longest, now - before);
  }
  return longest;
}
