/** Kernels on a bad network, with a harness that moves streams and kills sites as the session would. */
import { SeededRandom, VirtualClock } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import { type Counter, CountingConsumer } from "./counting-consumer.test.support.ts";
import { Keeper } from "./keeper.ts";
import { StreamKernel } from "./kernel.ts";
import type { KernelEvent } from "./kernel-event.ts";
import type { Location } from "./locations.ts";
import { MemoryRecordStore } from "./memory-record-store.ts";
import type { Durability, EndpointId, SiteInstance } from "./model.ts";
import type { FrameNetwork, RecordStore } from "./network.ts";
import type { Resident } from "./resident.ts";
import { decodeState, freshState, type StreamState, withoutNumbers } from "./stream-state.ts";

/** What goes wrong, as chances from 0 to 1. */
export interface Trouble {
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
}

interface Site {
  readonly name: string;
  siteInstance: SiteInstance;
  kernel: StreamKernel | undefined;
  handler: ((from: SiteInstance, bytes: Uint8Array) => void) | undefined;
  keeper: Keeper;
  readonly store: RecordStore;
}

export class KernelWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly violations: string[] = [];
  readonly sites: Site[];
  readonly names: string[];
  readonly records = new Map<EndpointId, Location>();
  readonly #moving = new Set<EndpointId>();
  readonly #trouble: Trouble;
  readonly #durability: Durability;
  readonly failures: number;
  readonly shells: {
    name: string;
    isEmpty(): boolean;
    send(to: string): void;
    readonly sent: Record<string, number>;
  }[] = [];
  readonly replies = { asked: 0, answered: 0, failed: 0 };
  #instance = 1;
  frames = 0;

  constructor(options: {
    seed: number;
    sites: number;
    streams: number;
    trouble: Trouble;
    durability: Durability;
    failures?: number;
  }) {
    this.random = new SeededRandom(options.seed);
    this.#trouble = options.trouble;
    this.#durability = options.durability;
    this.failures = options.failures ?? 0;
    this.sites = Array.from({ length: options.sites }, (_, index) => {
      const store = new MemoryRecordStore();
      return {
        name: `s${index}`,
        siteInstance: { site: `s${index}`, instance: this.#instance++ },
        kernel: undefined,
        handler: undefined,
        store,
        keeper: new Keeper(store),
      };
    });
    this.names = Array.from({ length: options.streams }, (_, index) => `stream${index}`);
    for (const site of this.sites) this.#boot(site);
    this.#spreadSites();
    this.names.forEach((name, index) => {
      const site = this.sites[index % this.sites.length] as Site;
      const location = {
        id: index + 1,
        name,
        siteInstance: site.siteInstance,
        streamEpoch: 1,
        live: true,
      };
      this.records.set(location.id, location);
      this.#installAt(site, location, freshState(CountingConsumer.fresh()));
      this.#spread(location, false);
    });
    this.addShell(this.sites[0] as Site);
  }

  addShell(site: Site): void {
    const shell = site.kernel?.openShell(`shell${this.shells.length}`);
    if (shell === undefined) return;
    const sent: Record<string, number> = {};
    this.shells.push({
      name: shell.name,
      isEmpty: () => shell.isEmpty,
      sent,
      send: (to) => {
        const location = site.kernel?.locations.byName(to);
        if (location === undefined || site.kernel === undefined) return;
        const n = (sent[to] ?? 0) + 1;
        sent[to] = n;
        const asks = this.random.below(4) === 0;
        if (asks) this.replies.asked++;
        shell.send(
          { target: location.id, targetName: to },
          packValue({ n }),
          asks
            ? {
                waiter: {
                  resolve: (value) => {
                    this.replies.answered++;
                    if (value === undefined || unpackValue(value) !== n)
                      this.violations.push(`wrong reply for ${to} ${n}`);
                  },
                  reject: () => this.replies.failed++,
                },
              }
            : {},
        );
      },
    });
  }

  /** Lets `ms` pass; all promises that can settle do so after every timer. */
  async run(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        if ((this.clock.nextAt ?? Number.POSITIVE_INFINITY) > end) {
          resolve();
          return;
        }
        try {
          this.clock.step();
        } catch (error) {
          reject(error);
          return;
        }
        setImmediate(turn);
      };
      turn();
    });
    this.clock.advance(end - this.clock.now());
  }

  residentOf(id: EndpointId): Resident | undefined {
    const location = this.records.get(id) as Location;
    return this.sites
      .find(({ siteInstance }) => siteInstance.instance === location.siteInstance.instance)
      ?.kernel?.residents.get(id);
  }

  async move(id: EndpointId): Promise<void> {
    const location = this.records.get(id) as Location;
    const target = this.sites[this.random.below(this.sites.length)] as Site;
    if (
      this.#moving.has(id) ||
      target.siteInstance.site === location.siteInstance.site ||
      target.kernel === undefined
    )
      return;
    const resident = this.residentOf(id);
    if (resident === undefined) return;
    this.#moving.add(id);
    const targetInstance = target.siteInstance;
    try {
      let late = false;
      const state = await Promise.race([
        resident.freeze(target.name, () => late).catch(() => undefined),
        new Promise<undefined>(
          (resolve) => void this.clock.after("move deadline", 500, () => resolve(undefined)),
        ),
      ]);
      late = true;
      if (state === undefined) return;
      const source = this.sites.find(
        ({ siteInstance }) => siteInstance.instance === location.siteInstance.instance,
      );
      // Preparing takes its time, and may fail.
      await new Promise<void>(
        (resolve) => void this.clock.after("prepare", this.random.float() * 10, resolve),
      );
      const current = this.records.get(id) as Location;
      if (current.streamEpoch !== location.streamEpoch) return;
      if (
        target.siteInstance !== targetInstance ||
        target.kernel === undefined ||
        this.random.below(5) === 0
      ) {
        source?.kernel?.residents.get(id)?.thaw();
        return;
      }
      const next = {
        ...location,
        siteInstance: target.siteInstance,
        streamEpoch: location.streamEpoch + 1,
      };
      this.records.set(id, next);
      this.#spread(next, true, (site) => {
        if (site === target && target.siteInstance === targetInstance)
          this.#installAt(target, next, decodeState(state) as StreamState);
      });
    } finally {
      this.#moving.delete(id);
    }
  }

  /** Kills a site; its streams are taken over by another. */
  crash(site: Site): void {
    if (site.kernel === undefined) return;
    site.kernel.close();
    site.kernel = undefined;
    site.handler = undefined;
    const dead = site.siteInstance;
    const isLeader = site === this.sites[0];
    this.clock.after("restart", 50 + this.random.float() * 500, () => {
      site.siteInstance = { site: site.name, instance: this.#instance++ };
      site.keeper = new Keeper(site.store);
      this.#boot(site);
      this.#spreadSites();
      for (const location of this.records.values())
        if (location.siteInstance.instance !== dead.instance) this.#tell(site, location);
      if (isLeader) this.addShell(site);
    });
    this.clock.after("noticed", 20 + this.random.float() * 100, () => {
      this.#spreadSites();
      for (const location of [...this.records.values()])
        if (location.siteInstance.instance === dead.instance) void this.recover(location);
    });
  }

  async recover(location: Location): Promise<void> {
    const leader = this.sites[0] as Site;
    const others = this.sites.filter((each) => each.kernel !== undefined && each !== leader);
    const target = others[this.random.below(others.length)] ?? leader;
    const next = { ...location, streamEpoch: location.streamEpoch + 1 };
    if (leader.kernel === undefined || target.kernel === undefined) {
      this.clock.after(
        "recover again",
        50,
        () => void this.recover(this.records.get(location.id) as Location),
      );
      return;
    }
    this.records.set(next.id, { ...next, live: false });
    const siteInstance = target.siteInstance;
    const kept =
      this.#durability.type === "none"
        ? undefined
        : await leader.keeper.fetch(next.id, next.streamEpoch);
    if (target.siteInstance !== siteInstance || target.kernel === undefined) {
      this.clock.after(
        "recover again",
        50,
        () => void this.recover(this.records.get(location.id) as Location),
      );
      return;
    }
    const settled = { ...next, siteInstance, live: true };
    this.records.set(next.id, settled);
    const kept2 = kept === undefined ? undefined : decodeState(kept);
    const state =
      kept2 === undefined
        ? freshState(CountingConsumer.fresh(), true)
        : this.#durability.type === "message"
          ? kept2
          : withoutNumbers(kept2);
    this.#spread(settled, true, (site) => {
      if (site === target && target.siteInstance === siteInstance)
        this.#installAt(target, settled, state);
    });
  }

  /** Everything is quiet: nothing is under way any more. */
  get isQuiet(): boolean {
    if (!this.shells.every((shell) => shell.isEmpty())) return false;
    return [...this.records.keys()].every((id) => {
      const resident = this.residentOf(id);
      return (
        resident?.isEmpty === true && resident.waiting === 0 && resident.current() === undefined
      );
    });
  }

  counterOf(name: string): Counter | undefined {
    const resident = this.residentOf(this.names.indexOf(name) + 1);
    return (resident?.consumer as CountingConsumer | undefined)?.counter;
  }

  #boot(site: Site): void {
    const { siteInstance } = site;
    const network: FrameNetwork = {
      maxFrameBytes: () => 1_200,
      send: (to, frame) => this.#carry(siteInstance, to, frame),
      onFrames: (handler) => {
        site.handler = handler;
      },
    };
    site.kernel = new StreamKernel({
      self: siteInstance,
      clock: this.clock,
      random: this.random,
      network,
      onSiteRequest: async (_from, kind, payload) => {
        if (kind !== "record") throw new Error(kind);
        const [id, epoch, state] = unpackValue(payload) as [number, number, Uint8Array];
        await site.keeper.put(id, epoch, state);
        return undefined;
      },
      onEvent: (event) => this.#event(site, siteInstance, event),
    });
    site.kernel.setLease(Number.MAX_SAFE_INTEGER);
  }

  #event(site: Site, siteInstance: SiteInstance, event: KernelEvent): void {
    if (event.type !== "superseded") return;
    queueMicrotask(() => {
      if (
        site.siteInstance === siteInstance &&
        (this.records.get(event.id) as Location).siteInstance.instance !== siteInstance.instance
      )
        site.kernel?.remove(event.id);
    });
  }

  #carry(from: SiteInstance, to: SiteInstance, frame: Uint8Array): void {
    this.frames++;
    const { loss, duplicate, reorder } = this.#trouble;
    const own = from.instance === to.instance;
    if (!own && this.random.float() < loss) return;
    const copies = !own && this.random.float() < duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const extra = !own && this.random.float() < reorder ? this.random.float() * 30 : 0;
      this.clock.after("frame", (own ? 0 : 1) + extra, () => {
        const site = this.sites.find(({ siteInstance }) => siteInstance.instance === to.instance);
        site?.handler?.(from, frame);
      });
    }
  }

  #spreadSites(): void {
    const siteInstances = this.sites
      .filter(({ kernel }) => kernel !== undefined)
      .map(({ siteInstance }) => siteInstance);
    for (const site of this.sites) site.kernel?.setSites(siteInstances);
  }

  #tell(site: Site, location: Location): void {
    site.kernel?.setLocation(location);
  }

  #spread(location: Location, slowly: boolean, before: (site: Site) => void = () => {}): void {
    for (const site of this.sites) {
      const { siteInstance } = site;
      const tell = (): void => {
        if (site.siteInstance !== siteInstance) return;
        before(site);
        this.#tell(site, location);
      };
      if (slowly) this.clock.after("watch", 1 + this.random.float() * 5, tell);
      else tell();
    }
  }

  #installAt(site: Site, location: Location, state: StreamState): void {
    const { kernel } = site;
    if (
      kernel === undefined ||
      (this.records.get(location.id) as Location).streamEpoch !== location.streamEpoch
    )
      return;
    const resident = kernel.install({
      id: location.id,
      name: location.name,
      streamEpoch: location.streamEpoch,
      durability: this.#durability,
      consumer: new CountingConsumer(this, location.name, state.consumer),
      state,
      keep: async (bytes) => {
        const leader = this.sites[0] as Site;
        if (leader === site) return leader.keeper.put(location.id, location.streamEpoch, bytes);
        await kernel.request(
          leader.siteInstance,
          "record",
          packValue([location.id, location.streamEpoch, bytes]),
        );
      },
      first: { type: "arrival", from: "elsewhere" },
      denies: () => undefined,
    });
    resident.start().catch(() => {
      // It is gone again.
    });
  }
}
