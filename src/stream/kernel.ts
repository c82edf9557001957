import {
  type Cancel,
  type Clock,
  Counters,
  every,
  LIMITS,
  MeanderError,
  type Random,
} from "../base/index.ts";
import type { LifecycleEvent } from "./consumer.ts";
import { decodeFrames } from "./decode-frames.ts";
import { EndedSites } from "./ended-sites.ts";
import { type Endpoint, ShellEndpoint } from "./endpoint.ts";
import { APPEND_BYTES, encodeFrame, type Frame, SEGMENT_BYTES } from "./frames.ts";
import { IncomingFrames } from "./incoming-frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import type { KernelEvent } from "./kernel-event.ts";
import { type Location, Locations } from "./locations.ts";
import { type EndpointId, SHELL_ID_MIN, type SiteInstance, siteEndpoint } from "./model.ts";
import type { FrameNetwork } from "./network.ts";
import { Resident } from "./resident.ts";
import type { ResidentOptions } from "./resident-options.ts";
import { SiteEndpoint, type SiteHandler } from "./site-endpoint.ts";
import { Turns } from "./turns.ts";

/** What a {@link StreamKernel} uses. */
export interface KernelOptions {
  readonly self: SiteInstance;
  readonly clock: Clock;
  /** Draws the ids of shells. */
  readonly random: Random;
  readonly network: FrameNetwork;
  /** Answers the requests of other sites. */
  readonly onSiteRequest: SiteHandler;
  /** Must not call the kernel back before it returns. */
  readonly onEvent: (event: KernelEvent) => void;
}

/** Room for a source's name in a frame: a longest name is 80 characters. */
const NAME_BYTES = 96;
const PRUNE_MS = 60_000;

/**
 * The mobile streams of one site: the streams here, what was sent from here, and where the other streams are. It does
 * no I/O: bytes come and go through its {@link FrameNetwork}, time through its clock. docs/spec/streams.md has its
 * rules.
 */
export class StreamKernel {
  readonly counts = new Counters();
  readonly locations = new Locations();
  readonly #options: KernelOptions;
  readonly #context: KernelContext;
  readonly #turns = new Turns();
  readonly #site: SiteEndpoint;
  readonly #incoming: IncomingFrames;
  readonly #shells = new Map<EndpointId, ShellEndpoint>();
  readonly #ended = new EndedSites();
  readonly #residents = new Map<EndpointId, Resident>();
  #siteInstances = new Map<EndpointId, SiteInstance>();
  readonly #stopPruning: () => void;
  #leaseTimer: Cancel | undefined;
  #leaseUntil = Number.NEGATIVE_INFINITY;

  constructor(options: KernelOptions) {
    this.#options = options;
    const { self, clock, network } = options;
    const frameBytes = network.maxFrameBytes(self.site);
    this.#context = {
      self,
      clock,
      locations: this.locations,
      frameBytes,
      segmentBytes: Math.min(frameBytes - APPEND_BYTES - SEGMENT_BYTES - NAME_BYTES, 32 * 1024),
      leaseHolds: () => clock.now() < this.#leaseUntil,
      send: (to, frame) => network.send(to, encodeFrame(frame)),
      atTurnEnd: (chore) => this.#turns.atEnd(chore, chore instanceof Resident),
      turn: (task) => this.#turns.turn(task),
      count: (reason, times = 1) => this.counts.add(reason, times),
      emit: (event) => options.onEvent(event),
    };
    this.#site = new SiteEndpoint(this.#context, options.onSiteRequest);
    this.#incoming = new IncomingFrames({
      context: this.#context,
      counts: this.counts,
      site: this.#site,
      endpoint: (id) => this.#endpoint(id),
      moved: (frame) => this.#moved(frame),
    });
    this.locations.setOther(this.#site.id, self);
    network.onFrames((from, bytes) => this.#receive(from, bytes));
    this.#stopPruning = every(clock, "forget shells", PRUNE_MS, () => {
      for (const each of this.#residents.values())
        each.prune(clock.now() - LIMITS.senderForgottenMs);
      // Without a lease the list of sites may be outdated.
      if (this.leaseHolds) this.#ended.review([...this.locations.others].map(([, where]) => where));
      this.#turns.turn(() => this.#giveUpEnded());
    });
  }

  get residents(): ReadonlyMap<EndpointId, Resident> {
    return this.#residents;
  }

  get leaseHolds(): boolean {
    return this.#context.leaseHolds();
  }

  /** Until then, on the kernel's clock, this site's lease certainly holds; a time that has come ends it. */
  setLease(untilMs: number): void {
    const held = this.leaseHolds;
    const isFirst = this.#leaseUntil === Number.NEGATIVE_INFINITY;
    this.#leaseUntil = untilMs;
    this.#leaseTimer?.();
    this.#watchLease();
    if (held) return;
    this.#turns.turn(() => {
      if (!isFirst) this.#site.givenUp(siteGone(this.#options.self));
      for (const resident of this.#residents.values()) resident.touch();
    });
  }

  /** The sites that run now. What waits for other sites is given up. */
  setSites(siteInstances: readonly SiteInstance[]): void {
    this.#turns.turn(() => {
      const now = new Map(
        siteInstances.map((siteInstance) => [siteEndpoint(siteInstance), siteInstance]),
      );
      for (const [id, siteInstance] of this.#siteInstances)
        if (!now.has(id)) this.#siteGone(id, siteInstance);
      for (const [id, siteInstance] of now) this.locations.setOther(id, siteInstance);
      this.#siteInstances = now;
      if (this.#ended.update(siteInstances)) this.#giveUpEnded();
    });
  }

  /** Where a stream is now, as the directory says. */
  setLocation(location: Location): void {
    this.#turns.turn(() => this.#relocated(location));
  }

  /** The stream was destroyed. */
  removeLocation(id: EndpointId): void {
    this.#turns.turn(() => {
      const location = this.locations.removeStream(id);
      const error = new MeanderError("stream-destroyed", "the stream was destroyed", {
        where: `stream ${location?.name ?? id}`,
      });
      for (const endpoint of this.#endpoints()) {
        endpoint.gone(id, error);
        endpoint.gone(-id, error);
      }
    });
  }

  /**
   * Opens the endpoint of a shell, which stays at this site.
   *
   * @param principal as text, of a shell that has shown a token
   */
  openShell(name: string, principal?: string): ShellEndpoint {
    const { random } = this.#options;
    const id = SHELL_ID_MIN + random.uint32() * 0x1_0000 + (random.uint32() & 0xffff);
    const shell = new ShellEndpoint(this.#context, id, name, principal);
    this.#shells.set(id, shell);
    this.locations.setOther(id, this.#options.self);
    return shell;
  }

  /** Closes the endpoint of a shell. Its unconsumed messages are given up. */
  closeShell(shell: ShellEndpoint): void {
    const error = new MeanderError("shell-closed", "the shell was closed", { where: shell.name });
    this.#turns.turn(() => {
      shell.giveUp(error);
      this.#shells.delete(shell.id);
      shell.close(error);
    });
  }

  /** Runs `task` as one turn: what it causes is sent when it ends. */
  turn<T>(task: () => T): T {
    return this.#turns.turn(task);
  }

  /** Installs a stream. It runs from {@link Resident.start} on. */
  install(options: ResidentOptions): Resident {
    return this.#turns.turn(() => {
      const resident = new Resident(this.#context, options);
      this.#residents.get(options.id)?.close(gone(options.name));
      this.#residents.set(options.id, resident);
      return resident;
    });
  }

  /** The stream is no longer at this site. */
  remove(id: EndpointId): void {
    this.#turns.turn(() => {
      const resident = this.#residents.get(id);
      if (resident === undefined) return;
      this.#residents.delete(id);
      resident.close(gone(resident.name));
    });
  }

  /** Sends a request to another site. @throws {MeanderError} `site-gone`, and what it refuses with */
  request(to: SiteInstance, kind: string, payload: Uint8Array): Promise<Uint8Array | undefined> {
    const known = this.#siteInstances.get(siteEndpoint(to)) ?? this.#isSelf(to);
    if (!known) return Promise.reject(siteGone(to));
    return this.#site.request(to, kind, payload);
  }

  /** Runs the handlers of an event of every stream here. Resolves when they have ended. */
  async tellAll(event: LifecycleEvent): Promise<void> {
    await Promise.all(
      [...this.#residents.values()].map((each) => each.tell(event).catch(() => {})),
    );
  }

  /** Stops at once; nothing is sent afterwards. */
  close(): void {
    this.#stopPruning();
    this.#leaseTimer?.();
    const error = new MeanderError("site-stopped", "the site is stopping", {
      where: this.#options.self.site,
    });
    for (const id of [...this.#residents.keys()]) this.remove(id);
    for (const shell of this.#shells.values()) shell.close(error);
    this.#site.close(error);
    this.#turns.clear();
  }

  /** [M9] Batches are interrupted when the lease expires. */
  #watchLease(): void {
    const leftMs = Math.max(0, this.#leaseUntil - this.#options.clock.now());
    this.#leaseTimer = this.#options.clock.after("lease", leftMs, () => {
      for (const resident of this.#residents.values()) resident.interrupt();
    });
  }

  #isSelf({ site, instance }: SiteInstance): boolean {
    const { self } = this.#options;
    return site === self.site && instance === self.instance;
  }

  #receive(from: SiteInstance, bytes: Uint8Array): void {
    this.#turns.turn(() => {
      const malformed = decodeFrames(bytes, (frame) => this.#incoming.receive(from, frame));
      if (malformed > 0) this.counts.add("frame-malformed", malformed);
    });
  }

  #moved(frame: Extract<Frame, { type: "moved" }>): void {
    const id = Math.abs(frame.target);
    const known = this.locations.stream(id);
    if (known === undefined || frame.targetEpoch <= known.streamEpoch) return;
    this.#relocated({
      ...known,
      siteInstance: frame.siteInstance,
      streamEpoch: frame.targetEpoch,
      live: true,
    });
  }

  #relocated(location: Location): void {
    const known = this.locations.stream(location.id);
    if (!this.locations.setStream(location)) return;
    if (known === undefined)
      for (const endpoint of this.#endpoints()) endpoint.resolved(location.name);
    const resident = this.#residents.get(location.id);
    if (resident !== undefined && resident.streamEpoch < location.streamEpoch)
      this.#options.onEvent({ type: "superseded", stream: location.name, id: location.id });
    for (const endpoint of this.#endpoints()) {
      endpoint.rerouted(location.id);
      endpoint.rerouted(-location.id);
    }
  }

  #siteGone(id: EndpointId, siteInstance: SiteInstance): void {
    const error = siteGone(siteInstance);
    this.locations.removeOther(id);
    for (const endpoint of this.#endpoints()) {
      endpoint.gone(id, error);
      endpoint.gone(-id, error);
    }
  }

  /**
   * Replies for shells whose site has ended. Their numbers stay for a while: what they sent may still arrive, again.
   */
  #giveUpEnded(): void {
    for (const [id, siteInstance] of this.locations.others) {
      if (!this.#ended.has(siteInstance)) continue;
      this.locations.removeOther(id);
      const error = new MeanderError("endpoint-gone", "the shell ended with its site", {
        where: `site ${siteInstance.site}`,
      });
      for (const endpoint of this.#endpoints()) endpoint.gone(-id, error);
    }
  }

  #endpoint(id: EndpointId): Endpoint | undefined {
    if (id === this.#site.id) return this.#site;
    return this.#residents.get(id) ?? this.#shells.get(id);
  }

  *#endpoints(): Generator<Endpoint> {
    yield this.#site;
    yield* this.#shells.values();
    yield* this.#residents.values();
  }
}

function gone(name: string): MeanderError {
  return new MeanderError("stream-gone", "the stream is no longer at this site", {
    where: `stream ${name}`,
  });
}

function siteGone({ site }: SiteInstance): MeanderError {
  return new MeanderError("site-gone", "the site has ended", {
    where: `site ${site}`,
    next: "retry; it may already have taken effect",
  });
}
