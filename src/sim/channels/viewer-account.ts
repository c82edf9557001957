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
 */
export function accountOf({ received, generations }: WorldViewer): ViewerAccount {
  let [missing, repeated] = [0, 0];
  for (const generation of new Set(generations)) {
    const numbers = received.filter((_, index) => generations[index] === generation);
    const [first = 0] = numbers;
    const offsets = new Set<number>();
    let last = -1;
    for (const each of numbers) {
      const offset = serialDistance(first, each, 16);
      if (offset < 0) continue;
      if (offsets.has(offset)) repeated++;
      offsets.add(offset);
      last = Math.max(last, offset);
    }
    missing += last + 1 - offsets.size;
  }
  return { received: received.length, missing, repeated };
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
