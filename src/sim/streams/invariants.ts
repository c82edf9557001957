import type { SiteRecord } from "../../session/index.ts";
import {
  type EndpointId,
  frameHead,
  isStream,
  type KernelEvent,
  parseMessageName,
  type RecordStore,
  type SiteInstance,
} from "../../stream/index.ts";
import type { Violation } from "../simulation.ts";
import type { SimSite } from "../world/sim-site.ts";
import type { World } from "../world/world.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { HandlerWatch } from "./handler-watch.ts";
import { StaleFrames } from "./stale-frames.ts";

interface Progress {
  streamEpoch: number;
  seq: number;
}

/** What is known of a stream as a receiver. */
interface Receiver {
  /** Highest epoch in which it has consumed. */
  streamEpoch: number;
  /** What was consumed last, by sender. */
  readonly progress: Map<EndpointId, Progress>;
}

/** Handlers run no longer, ms. */
const HANDLER_MS_MAX = 5_000;
/** Entries that the log of a violation has at most. */
const LOG_MAX = 40;
/** Ids of sites begin there: what they send is no message of a stream or a shell. */
const SITE_ID_MIN = 2 ** 49;

/**
 * What must hold after every event (research names I1-I8): the world tells what its kernels consumed and sent, and this compares. What is promised end to
 * end, that nothing is lost or done twice (I2, I3), is checked by the agents of the workload, whose counters are committed with their messages.
 */
export class Invariants {
  readonly violations: Violation[] = [];
  readonly #world: World;
  readonly #acknowledgements: Acknowledgements;
  readonly #stale: StaleFrames;
  readonly #receivers = new Map<EndpointId, Receiver>();
  /** When a handler began, by a site's clock, by instance and stream. */
  readonly #begun = new Map<string, number>();
  /** Instances that the leader knew. */
  #listed = new Set<number>();
  /** Messages. */
  consumed = 0;
  /** Frames with messages from streams and shells, also those that stayed at their site. */
  appends = 0;

  constructor(world: World) {
    this.#world = world;
    this.#acknowledgements = new Acknowledgements((invariant, what, stream) =>
      this.broken(invariant, what, [stream]),
    );
    this.#stale = new StaleFrames((invariant, what, stream) =>
      this.broken(invariant, what, [stream]),
    );
  }

  /** Frames of earlier epochs that kernels had to refuse. */
  get staleFrames(): number {
    return this.#stale.count;
  }

  /** A frame has come to a site, whose kernel gets it with `take`. */
  frameArrives(site: SimSite, from: SiteInstance, frame: Uint8Array, take: () => void): void {
    this.#stale.arrive(site, from, frame, take);
  }

  observe(site: SimSite, event: KernelEvent): void {
    // A process that one of its agents has just ended does nothing more, which the simulator cannot break off.
    if (!site.isUp) return;
    if (event.type === "dead-lettered" || event.type === "discarded")
      this.#acknowledgements.givenUp(event.message);
    if (event.type === "dead-lettered") this.#setAside(site, event.stream, event.message);
    if (event.type === "consumed") this.#consumed(site, event);
  }

  /** A kernel sends a frame. */
  frameSent(from: SimSite, to: SiteInstance, frame: Uint8Array): void {
    const head = frameHead(frame);
    if (head === undefined) return;
    const kernel = from.streams?.kernel;
    const owner = Math.abs(head.type === "append" ? head.source : head.target);
    this.#acknowledgements.sent(head, kernel?.residents.get(owner));
    if (head.type !== "append") return;
    const { source, target, count } = head;
    if (source >= SITE_ID_MIN || target < 0 || !isStream(target)) return;
    if (count > 0) this.appends++;
    const { leader } = this.#world;
    // [I8] Data goes from site to site.
    if (to.site !== leader.name || from === leader || !isStream(source)) return;
    const record = leader.streams?.table.byId(target);
    if (record !== undefined && !record.visited.includes(leader.name))
      this.broken(
        "I8",
        `a message to ${record.name}, which never was at ${leader.name}, was sent there`,
        [record.name],
      );
  }

  /** The sites that the leader knows now. */
  sitesListed(sites: readonly SiteRecord[]): void {
    const listed = new Set(sites.map(({ instance }) => instance));
    for (const { name, isUp, siteInstance, process, leaseUntilMs } of this.#world.sites) {
      const wasListed =
        this.#listed.has(siteInstance.instance) && !listed.has(siteInstance.instance);
      // [I4] Its streams may go to others from now on.
      if (wasListed && isUp && process.now() < leaseUntilMs)
        this.broken(
          "I4",
          `the leader gave ${name} up, whose lease holds for another ${(leaseUntilMs - process.now()).toFixed(3)} ms by its own clock`,
        );
    }
    this.#listed = listed;
  }

  /** What watches the handlers at a site. */
  watchHandlers(site: SimSite): HandlerWatch {
    const { siteInstance, process } = site;
    return new HandlerWatch({
      isHere: (id) => {
        const record = this.#world.leader.streams?.table.byId(id);
        const resident = site.streams?.resident(id);
        return resident !== undefined && resident.streamEpoch === record?.streamEpoch;
      },
      broken: (invariant, what, stream) => this.broken(invariant, what, [stream]),
      begins: (stream, handler) => {
        if (handler === "init" || handler === "finalize" || site.siteInstance !== siteInstance)
          return;
        if (process.now() > site.leaseUntilMs)
          this.broken("I4", `${stream} began ${handler} at ${site.name} without a lease`, [stream]);
        this.#begun.set(`${siteInstance.instance} ${stream}`, process.now());
      },
    });
  }

  /** The same records, watched. */
  watchRecords(site: SimSite, records: RecordStore): RecordStore {
    return {
      get: (stream) => records.get(stream),
      put: async (written) => {
        await records.put(written);
        // Below zero are marks of what is about to run, which acknowledge nothing.
        for (const { stream, bytes } of written.filter((each) => each.stream > 0))
          this.#acknowledgements.recordKept(site.name, stream, this.#nameOf(stream), bytes);
      },
      delete: async (stream) => {
        await records.delete(stream);
        this.#acknowledgements.recordsForgotten(site.name, stream);
      },
    };
  }

  /** @param streams those concerned, by name */
  broken(invariant: string, what: string, streams: readonly string[] = []): void {
    const { clock, traceLog } = this.#world;
    const seconds = clock.now() / 1_000;
    this.violations.push({
      seconds,
      invariant,
      what,
      streams,
      log: traceLog.about(streams, LOG_MAX),
    });
  }

  #consumed(site: SimSite, event: Extract<KernelEvent, { type: "consumed" }>): void {
    this.consumed++;
    const resident = site.streams?.kernel.residents.get(event.id);
    const streamEpoch = resident?.streamEpoch ?? 0;
    const receiver = this.#receiver(event.id);
    const highest = receiver.streamEpoch;
    const isFenced = resident?.durability.type === "message";
    // A handler that runs when the lease runs out ends, and nobody is told of what it did.
    const mayEnd = this.#ranUnderLease(site, event.stream);
    // [I4] Streams that are kept message by message are fenced by their keeper instead: what runs there is void.
    if (streamEpoch < highest) {
      if (!isFenced && !mayEnd)
        this.broken(
          "I4",
          `${event.stream} consumed ${event.message} at ${site.name} in epoch ${streamEpoch}, after epoch ${highest} had`,
          [event.stream],
        );
      return;
    }
    receiver.streamEpoch = streamEpoch;
    this.#acknowledgements.consumed(event.id, event.from, event.seq);
    if (!event.replayed) this.#inOrder(event, receiver, streamEpoch);
    if (!isFenced && !mayEnd && !(site.process.now() < site.leaseUntilMs))
      this.broken(
        "I4",
        `${event.stream} consumed ${event.message} at ${site.name} without a lease`,
        [event.stream],
      );
  }

  /** Whether a handler of the stream has begun there while the lease held, and may just have ended without one. */
  #ranUnderLease({ siteInstance, leaseUntilMs, process }: SimSite, stream: string): boolean {
    const begun = this.#begun.get(`${siteInstance.instance} ${stream}`) ?? Number.NEGATIVE_INFINITY;
    return begun <= leaseUntilMs && process.now() - begun <= HANDLER_MS_MAX;
  }

  /** What comes next from its sender comes behind it. */
  #setAside(site: SimSite, stream: string, message: string): void {
    const name = parseMessageName(message);
    const residents = [...(site.streams?.kernel.residents.values() ?? [])];
    const resident = residents.find((each) => each.name === stream);
    const pairs = [...(resident?.pairs ?? [])];
    const pair = pairs.find(([, { sourceName }]) => sourceName === name?.from);
    if (name === undefined || resident === undefined || pair === undefined) return;
    const { progress } = this.#receiver(resident.id);
    const last = progress.get(pair[0]);
    if (last?.streamEpoch === resident.streamEpoch) last.seq = Math.max(last.seq, name.seq);
  }

  #inOrder(
    event: Extract<KernelEvent, { type: "consumed" }>,
    receiver: Receiver,
    streamEpoch: number,
  ): void {
    const last = receiver.progress.get(event.from);
    // [I1] Within one epoch the numbers go up by one message at a time.
    if (
      last !== undefined &&
      last.streamEpoch === streamEpoch &&
      event.first !== last.seq + 1 &&
      !this.#mayJump(event.from) &&
      !(
        event.first > last.seq &&
        this.#acknowledgements.isBelowBase(event.from, event.id, event.first)
      )
    )
      this.broken("I1", `${event.message} was consumed behind number ${last.seq}`, [event.stream]);
    // [I3] What its source was told to be consumed does not come again, whatever the receiver has lost.
    const base = this.#baseOf(event.from, event.id);
    if (event.seq < base)
      this.broken("I3", `${event.message} was consumed, and ${base - 1} acknowledged before`, [
        event.stream,
      ]);
    if (last === undefined) receiver.progress.set(event.from, { streamEpoch, seq: event.seq });
    else {
      last.streamEpoch = streamEpoch;
      last.seq = event.seq;
    }
  }

  /** The lowest number that a stream keeps for another one, where it is now. */
  #baseOf(source: EndpointId, target: EndpointId): number {
    if (!isStream(source)) return this.#acknowledgements.baseOf(source, target, 0);
    const record = this.#world.leader.streams?.table.byId(source);
    if (record === undefined) return 0;
    return this.#acknowledgements.baseOf(source, target, record.streamEpoch);
  }

  #receiver(id: EndpointId): Receiver {
    let receiver = this.#receivers.get(id);
    if (receiver === undefined) {
      receiver = { streamEpoch: 0, progress: new Map() };
      this.#receivers.set(id, receiver);
    }
    return receiver;
  }

  /** A source that lost its numbers goes on where its receivers say. */
  #mayJump(source: EndpointId): boolean {
    return this.#world.sites.some(({ streams }) => {
      const resident = streams?.kernel.residents.get(source);
      return resident !== undefined && resident.durability.type !== "message";
    });
  }

  #nameOf(stream: EndpointId): string {
    return this.#world.leader.streams?.table.byId(stream)?.name ?? `${stream}`;
  }
}
