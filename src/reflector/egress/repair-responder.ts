import { type Counters, serialAdd } from "../../base/index.ts";
import type { History } from "../../channel/index.ts";
import { FLAG, type SourcePoint } from "../../wire/index.ts";
import type { Subscriber } from "./subscriber.ts";

/** What a {@link RepairResponder} works with. */
export interface RepairResponderOptions {
  readonly history: History;
  /** Counts `repaired` and `repair-unavailable`. */
  readonly drops: Counters;
  /** Whether a packet that is not in the history may still arrive; then it is requested upstream. */
  mayArrive(point: SourcePoint): boolean;
  /** The in-band message that a packet is unavailable. */
  gapAt(point: SourcePoint): Uint8Array;
}

/** Answers repair requests out of the history. [W27] */
export class RepairResponder {
  readonly #options: RepairResponderOptions;

  constructor(options: RepairResponderOptions) {
    this.#options = options;
  }

  /** Sends the packet at `point`, and those of the next 32 that `bitmap` names, or tells that they are unavailable. */
  repair(subscriber: Subscriber, point: SourcePoint, bitmap: number): void {
    const { drops, gapAt, history, mayArrive } = this.#options;
    const bits = history.bitsOf(point);
    for (let bit = -1; bit < 32; bit++) {
      if (bit >= 0 && (bitmap & (1 << bit)) === 0) continue;
      const wanted = { ...point, sequence: serialAdd(point.sequence, bit + 1, bits) };
      const entry = history.find(wanted);
      if (entry !== undefined) {
        const again = entry.packet.slice();
        again[1] = (again[1] as number) | FLAG.retransmit;
        subscriber.outlet.send(again);
        drops.add("repaired");
      } else if (!mayArrive(wanted)) {
        subscriber.outlet.send(gapAt(wanted));
        drops.add("repair-unavailable");
      }
    }
  }
}
