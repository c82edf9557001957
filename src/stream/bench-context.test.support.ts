import { Counters, VirtualClock } from "../base/index.ts";
import type { Frame } from "./frames.ts";
import type { Chore, KernelContext } from "./kernel-context.ts";
import type { KernelEvent } from "./kernel-event.ts";
import { Locations } from "./locations.ts";
import type { EndpointId, SiteInstance } from "./model.ts";

export const HERE: SiteInstance = { site: "a", instance: 1 };
export const THERE: SiteInstance = { site: "b", instance: 2 };
export const ELSEWHERE: SiteInstance = { site: "c", instance: 3 };

/** What a part of a kernel stands on, without the kernel: frames that it sends are kept for the test. */
export class BenchContext implements KernelContext {
  readonly self = HERE;
  readonly clock = new VirtualClock();
  readonly locations = new Locations();
  readonly counts = new Counters();
  readonly events: KernelEvent[] = [];
  segmentBytes = 100;
  frameBytes = 1_000;
  #sent: { readonly to: SiteInstance; readonly frame: Frame; readonly at: number }[] = [];
  readonly #chores = new Set<Chore>();
  #depth = 0;

  /** The stream is at a place. */
  locate(id: EndpointId, siteInstance: SiteInstance, streamEpoch = 1): void {
    this.locations.setStream({ id, name: `stream-${id}`, siteInstance, streamEpoch, live: true });
  }

  /** The frames that were sent since the last call. */
  taken(): readonly { readonly to: SiteInstance; readonly frame: Frame; readonly at: number }[] {
    return this.#sent.splice(0);
  }

  /** The same, of one type only. */
  takenOf<T extends Frame["type"]>(type: T): readonly Extract<Frame, { type: T }>[] {
    return this.taken()
      .map(({ frame }) => frame)
      .filter((frame) => frame.type === type) as Extract<Frame, { type: T }>[];
  }

  /** Numbers of the segments that were sent since the last call. */
  takenNumbers(): number[] {
    return this.takenOf("append").flatMap(({ first, segments }) =>
      segments.map((_, index) => first + index),
    );
  }

  leaseHolds(): boolean {
    return true;
  }

  send(to: SiteInstance, frame: Frame): void {
    this.#sent.push({ to, frame, at: this.clock.now() });
  }

  atTurnEnd(chore: Chore): void {
    this.#chores.add(chore);
    if (this.#depth === 0) this.turn(() => {});
  }

  turn<T>(task: () => T): T {
    this.#depth++;
    try {
      return task();
    } finally {
      if (this.#depth === 1) {
        for (const chore of this.#chores) {
          this.#chores.delete(chore);
          chore.endTurn();
        }
      }
      this.#depth--;
    }
  }

  count(reason: string, times = 1): void {
    this.counts.add(reason, times);
  }

  emit(event: KernelEvent): void {
    this.events.push(event);
  }
}
