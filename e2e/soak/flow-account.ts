import { serialDistance } from "../../src/base/index.ts";
import {
  flagsOf,
  generationOf,
  mediumOf,
  sequenceBitsOf,
  sequenceOf,
  sourceOf,
} from "../../src/wire/index.ts";

/** A hole this old is a loss, ms: repairs and resumes are done long before. */
const LOST_AFTER_MS = 8_000;

interface Flow {
  /** Where it began. */
  readonly first: number;
  /** Unwrapped. */
  highest: number;
  /** Missing numbers, and since when. */
  readonly holes: Map<number, number>;
}

/** Whether the packets that one viewer gets are whole, in memory that does not grow with their number. */
export class FlowAccount {
  packets = 0;
  /** Numbers that came twice. */
  repeated = 0;
  /** The first of those, in words. */
  firstRepeat: string | undefined;
  #lost = 0;
  readonly #flows = new Map<string, Flow>();

  /** @param nowMs of a monotonic clock */
  take(packet: Uint8Array, nowMs: number): void {
    this.packets++;
    const bits = sequenceBitsOf(packet);
    const key = `${mediumOf(packet)}/${sourceOf(packet)}/${generationOf(packet)}`;
    const sequence = sequenceOf(packet);
    const flow = this.#flows.get(key);
    if (flow === undefined) {
      this.#flows.set(key, { first: sequence, highest: sequence, holes: new Map() });
      return;
    }
    const number = flow.highest + serialDistance(flow.highest % 2 ** bits, sequence, bits);
    if (number > flow.highest) {
      for (let hole = flow.highest + 1; hole < number; hole++) flow.holes.set(hole, nowMs);
      flow.highest = number;
    } else if (!flow.holes.delete(number)) {
      this.repeated++;
      this.firstRepeat ??= `${number} came again, of ${flow.first} to ${flow.highest}, flags ${flagsOf(packet)}`;
    }
  }

  /** Numbers that did not come in time. */
  lost(nowMs: number): number {
    for (const { holes } of this.#flows.values()) {
      for (const [number, since] of holes) {
        if (nowMs - since < LOST_AFTER_MS) continue;
        holes.delete(number);
        this.#lost++;
      }
    }
    return this.#lost;
  }

  /** Numbers that are missing and may still come. */
  get open(): number {
    return [...this.#flows.values()].reduce((sum, { holes }) => sum + holes.size, 0);
  }

  /** True when the newest packet of some flow is the one of that number. @param sequence u16 */
  hasReached(sequence: number): boolean {
    return [...this.#flows.values()].some(({ highest }) => (highest & 0xffff) === sequence);
  }
}
