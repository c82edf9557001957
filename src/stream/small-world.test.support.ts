/** A few kernels on one virtual network that a test can listen to and cut, and consumers that do what a test says. */
import { SeededRandom, VirtualClock } from "../base/index.ts";
import { packValue } from "../wire/index.ts";
import type { LifecycleEvent } from "./consumer.ts";
import { decodeFrames } from "./decode-frames.ts";
import type { ShellEndpoint } from "./endpoint.ts";
import type { Frame } from "./frames.ts";
import { StreamKernel } from "./kernel.ts";
import type { KernelEvent } from "./kernel-event.ts";
import type { Location } from "./locations.ts";
import type { Durability, EndpointId, SiteInstance } from "./model.ts";
import type { ReplyWaiter } from "./reply-waiters.ts";
import type { Resident } from "./resident.ts";
import type { Denies } from "./resident-options.ts";
import type { RunMarks } from "./run-mark.ts";
import { ScriptedConsumer } from "./scripted-consumer.test.support.ts";
import type { SiteHandler } from "./site-endpoint.ts";
import { decodeState, freshState, type StreamState } from "./stream-state.ts";

export * from "./scripted-consumer.test.support.ts";

export interface SmallSite {
  readonly siteInstance: SiteInstance;
  readonly kernel: StreamKernel;
  readonly events: KernelEvent[];
}

export interface StreamOptions {
  readonly durability?: Durability;
  readonly consumer?: ScriptedConsumer;
  readonly state?: StreamState;
  readonly streamEpoch?: number;
  readonly keep?: (state: Uint8Array) => Promise<void>;
  readonly first?: LifecycleEvent;
  readonly denies?: Denies;
  readonly marks?: RunMarks;
  readonly isHalted?: boolean;
}

/** Frames under way take this long, ms. */
export const LATENCY_MS = 1;

export class SmallWorld {
  readonly clock = new VirtualClock();
  readonly sites = new Map<string, SmallSite>();
  readonly locations = new Map<string, Location>();
  /** Every frame that was sent, lost ones too. */
  readonly sent: {
    readonly from: string;
    readonly to: string;
    readonly frame: Frame;
    readonly at: number;
    readonly bytes: number;
  }[] = [];
  /** Loses the frames for which it says so. */
  loses: (frame: Frame, from: string, to: string) => boolean = () => false;
  onRequest: SiteHandler = async (_from, _kind, payload) => payload;
  readonly #handlers = new Map<number, (from: SiteInstance, bytes: Uint8Array) => void>();
  readonly #frameBytes: number;
  #ids = 0;

  constructor(names: readonly string[] = ["a", "b"], frameBytes = 1_200) {
    this.#frameBytes = frameBytes;
    names.forEach((name, index) => {
      this.#addSite({ site: name, instance: index + 1 });
    });
    this.spreadSites();
  }

  site(name: string): SmallSite {
    return this.sites.get(name) as SmallSite;
  }

  spreadSites(): void {
    const siteInstances = [...this.sites.values()].map(({ siteInstance }) => siteInstance);
    for (const { kernel } of this.sites.values()) kernel.setSites(siteInstances);
  }

  /** Ends a site's process, as all others see. */
  kill(name: string): void {
    const site = this.site(name);
    site.kernel.close();
    this.#handlers.delete(site.siteInstance.instance);
    this.sites.delete(name);
    this.spreadSites();
  }

  shell(site: string, name = "shell-1"): ShellEndpoint {
    return this.site(site).kernel.openShell(name);
  }

  /** A stream that every site knows of. */
  async stream(
    site: string,
    name: string,
    options: StreamOptions = {},
  ): Promise<{ resident: Resident; consumer: ScriptedConsumer; id: EndpointId }> {
    const { siteInstance } = this.site(site);
    const id = this.locations.get(name)?.id ?? ++this.#ids;
    const location = { id, name, siteInstance, streamEpoch: options.streamEpoch ?? 1, live: true };
    const installed = this.install(location, options);
    this.tell(location);
    await this.until(installed.started);
    return { ...installed, id };
  }

  install(
    location: Location,
    options: StreamOptions = {},
  ): { resident: Resident; consumer: ScriptedConsumer; started: Promise<void> } {
    const { durability = { type: "none" }, state, first, denies = () => undefined } = options;
    const { consumer = new ScriptedConsumer(state?.consumer), keep = async () => {} } = options;
    const { marks, isHalted = false } = options;
    const { id, name, streamEpoch, siteInstance } = location;
    const resident = this.site(siteInstance.site).kernel.install({
      ...{ id, name, streamEpoch, durability, consumer, keep, first, denies, marks, isHalted },
      state: state ?? freshState(consumer.snapshot()),
    });
    return { resident, consumer, started: resident.start() };
  }

  /** Tells sites where a stream is. */
  tell(location: Location, sites: Iterable<string> = this.sites.keys()): void {
    this.locations.set(location.name, location);
    for (const site of sites) this.site(site).kernel.setLocation(location);
  }

  /** Moves a stream as the session would, without its checks. */
  async move(
    name: string,
    to: string,
    options: StreamOptions & { readonly told?: readonly string[] } = {},
  ): Promise<{ resident: Resident; consumer: ScriptedConsumer }> {
    const location = this.locations.get(name) as Location;
    const source = this.site(location.siteInstance.site).kernel;
    const frozen = source.residents.get(location.id)?.freeze(to, () => false);
    const packed = await this.until(frozen as Promise<Uint8Array | undefined>);
    const state = decodeState(packed as Uint8Array) as StreamState;
    const next = {
      ...location,
      siteInstance: this.site(to).siteInstance,
      streamEpoch: location.streamEpoch + 1,
    };
    const first = { type: "arrival", from: location.siteInstance.site } as const;
    const installed = this.install(next, { first, ...options, state });
    source.remove(location.id);
    this.tell(next, options.told ?? this.sites.keys());
    await this.until(installed.started);
    return installed;
  }

  /** Sends texts from an endpoint to a stream in one turn. @returns their numbers */
  send(
    from: ShellEndpoint | Resident,
    to: string,
    texts: readonly string[],
    waiter?: ReplyWaiter,
  ): number[] {
    const { id } = this.locations.get(to) as Location;
    const { kernel } = [...this.sites.values()].find(
      (site) =>
        site.kernel.residents.get(from.id) === from ||
        site.kernel.locations.get(from.id)?.siteInstance === site.siteInstance,
    ) as SmallSite;
    const target = { target: id, targetName: to };
    return kernel.turn(() =>
      texts.map((text) =>
        from.send(target, packValue(text), waiter === undefined ? {} : { waiter }),
      ),
    );
  }

  /** Lets time pass. */
  async run(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await settle();
    while ((this.clock.nextAt ?? Number.POSITIVE_INFINITY) <= end) {
      this.clock.step();
      await settle();
    }
    this.clock.advance(end - this.clock.now());
  }

  /** Lets time pass until a promise has settled; at most a minute. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    await settle();
    const end = this.clock.now() + 60_000;
    while (!settled) {
      const next = this.clock.nextAt;
      if (next === undefined || next > end) throw new Error("it does not settle");
      this.clock.step();
      await settle();
    }
    return promise;
  }

  /** Lets time pass until something is so. @returns false when it is not within that time */
  async waitFor(fact: () => boolean, ms = 60_000): Promise<boolean> {
    const end = this.clock.now() + ms;
    await settle();
    while (!fact()) {
      const next = this.clock.nextAt;
      if (next === undefined || next > end) return false;
      this.clock.step();
      await settle();
    }
    return true;
  }

  /** Frames of one type that were sent so far. */
  framesOf<T extends Frame["type"]>(
    type: T,
  ): { readonly from: string; readonly to: string; readonly frame: Extract<Frame, { type: T }> }[] {
    return this.sent.filter(({ frame }) => frame.type === type) as never;
  }

  /** Brings bytes to a site, as if another one had sent them. */
  bring(from: SiteInstance, to: string, bytes: Uint8Array): void {
    this.#handlers.get(this.site(to).siteInstance.instance)?.(from, bytes);
  }

  #addSite(siteInstance: SiteInstance): void {
    const events: KernelEvent[] = [];
    const { clock } = this;
    const kernel = new StreamKernel({
      ...{ self: siteInstance, clock, random: new SeededRandom(siteInstance.instance) },
      network: {
        maxFrameBytes: () => this.#frameBytes,
        send: (to, bytes) => this.#carry(siteInstance, to, bytes),
        onFrames: (handler) => void this.#handlers.set(siteInstance.instance, handler),
      },
      onSiteRequest: (from, kind, payload) => this.onRequest(from, kind, payload),
      onEvent: (event) => void events.push(event),
    });
    kernel.setLease(1e9);
    this.sites.set(siteInstance.site, { siteInstance, kernel, events });
  }

  #carry(from: SiteInstance, to: SiteInstance, bytes: Uint8Array): void {
    let isLost = false;
    const malformed = decodeFrames(bytes, (frame) => {
      this.sent.push({
        from: from.site,
        to: to.site,
        frame,
        at: this.clock.now(),
        bytes: bytes.byteLength,
      });
      isLost = this.loses(frame, from.site, to.site);
    });
    if (malformed > 0) throw new Error("a kernel sent a malformed frame");
    if (!isLost)
      this.clock.after("frame", LATENCY_MS, () => this.#handlers.get(to.instance)?.(from, bytes));
  }
}

/** Until all promises that can settle have. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
