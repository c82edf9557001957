import { type EndpointId, isStream, type KernelEvent, type Place } from "../../stream/index.ts";
import type { Violation } from "../simulation.ts";
import type { SimSite } from "./sim-site.ts";
import type { StreamWorld } from "./stream-world.ts";

interface Progress {
  streamEpoch: number;
  seq: number;
}

/**
 * What must hold after every event (research names I1-I8): the world tells what its kernels consumed and sent, and this compares. What is promised end to
 * end, that nothing is lost or done twice (I2, I3), is checked by the agents of the workload, whose counters are committed with their messages.
 */
export class Invariants {
  readonly violations: Violation[] = [];
  readonly #world: StreamWorld;
  /** Of each pair: what was consumed last. */
  readonly #progress = new Map<string, Progress>();
  /** Highest epoch in which a stream has consumed. */
  readonly #epochs = new Map<EndpointId, number>();
  consumed = 0;
  appends = 0;

  constructor(world: StreamWorld) {
    this.#world = world;
  }

  observe(site: SimSite, event: KernelEvent): void {
    if (event.type !== "consumed") return;
    this.consumed++;
    const resident = site.streams?.kernel.residents.get(event.id);
    const streamEpoch = resident?.streamEpoch ?? 0;
    const highest = this.#epochs.get(event.id) ?? 0;
    // [I4] Streams that are kept message by message are fenced by their keeper instead: what runs there is void.
    if (streamEpoch < highest && resident?.durability.type !== "message")
      this.broken("I4", `${event.stream} consumed ${event.message} at ${site.name} in epoch ${streamEpoch}, after epoch ${highest} had`);
    this.#epochs.set(event.id, Math.max(highest, streamEpoch));
    if (streamEpoch < highest) return;
    const key = `${event.from}>${event.id}`;
    const last = this.#progress.get(key);
    // [I1] Within one epoch the numbers go up by one message at a time.
    if (last !== undefined && last.streamEpoch === streamEpoch && event.first !== last.seq + 1 && !this.#mayJump(event.from))
      this.broken("I1", `${event.message} was consumed behind number ${last.seq}`);
    this.#progress.set(key, { streamEpoch, seq: event.seq });
    if (!site.streams?.kernel.leaseHolds && !this.#fenced(site, event.id))
      this.broken("I4", `${event.stream} consumed ${event.message} at ${site.name} without a lease`);
  }

  frameSent(from: SimSite, to: Place, frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    if (view.getUint8(4) !== 1) return;
    const source = view.getFloat64(5);
    const target = view.getFloat64(17);
    if (!isStream(source) || target < 0 || !isStream(target)) return;
    this.appends++;
    const { leader } = this.#world;
    // [I8] Data goes from site to site.
    if (to.site !== leader.name || from === leader) return;
    const record = leader.streams?.table.byId(target);
    if (record !== undefined && !record.visited.includes(leader.name))
      this.broken("I8", `a message to ${record.name}, which never was at ${leader.name}, was sent there`);
  }

  broken(invariant: string, what: string): void {
    this.violations.push({ seconds: this.#world.clock.now() / 1_000, invariant, what });
  }

  /** A source that lost its numbers goes on where its receivers say. */
  #mayJump(source: EndpointId): boolean {
    return this.#world.sites.some(({ streams }) => {
      const resident = streams?.kernel.residents.get(source);
      return resident !== undefined && resident.durability.type !== "message";
    });
  }

  #fenced(site: SimSite, id: EndpointId): boolean {
    return site.streams?.kernel.residents.get(id)?.durability.type === "message";
  }
}
