import { delay, MeanderError } from "../../base/index.ts";
import { MemoryStore } from "../../directory/embedded/index.ts";
import type { SiteStreams } from "../../host/index.ts";
import { MemoryRecordStore, type SiteInstance } from "../../stream/index.ts";
import type { TimedStep } from "../simulation.ts";
import { MemoryMarkStore } from "../streams/memory-mark-store.ts";
import { type ClockSkew, ProcessClock } from "./process-clock.ts";
import { SitePlane } from "./site-plane.ts";
import { type SiteDisk, SiteSession, type SiteSessionOptions } from "./site-session.ts";
import type { VirtualSocket } from "./virtual-socket.ts";
import type { World } from "./world.ts";

/** How a simulated site is. */
export interface SimSiteOptions extends SiteSessionOptions {
  readonly name: string;
  readonly machine: string;
  readonly leads: boolean;
  /** Share of frames and packets lost at its arrival, 0..1. */
  readonly dropRatio: number;
  /** What every step takes longer here than the world says, as a factor, > 0. Default 1. */
  readonly slowness?: number | undefined;
  /** False: it takes no part in a session, and only forwards what its plane is told to. Default true. */
  readonly hasSession?: boolean | undefined;
}

/** Pause before a site that did not reach its leader is started again, ms. */
const AGAIN_MS = 500;
/** A site that leaves gives its neighbours and viewers this long, ms. */
const DEPART_MS = 3_000;
/** What sites without a session prove to each other that they know. */
const LINK_KEY = "the key of this world";

/**
 * A site of a {@link World}: one process with a forwarding plane and streams, on virtual ports. What befalls it befalls
 * both. What is on its disk outlives its process.
 */
export class SimSite {
  readonly name: string;
  readonly machine: string;
  readonly leads: boolean;
  dropRatio: number;
  skew: ClockSkew = { offsetMs: 0, driftPpm: 0 };
  process: ProcessClock;
  siteInstance: SiteInstance;
  /** It was killed, and not started again. */
  hasCrashed = false;
  /** Its lease holds until then by its own clock, as it was told. */
  leaseUntilMs = Number.NEGATIVE_INFINITY;
  /** There while it is up. */
  plane: SitePlane | undefined;
  readonly #options: SimSiteOptions;
  readonly #world: World;
  readonly #disk: SiteDisk = {
    store: new MemoryStore(),
    records: new MemoryRecordStore(),
    marks: new MemoryMarkStore(),
  };
  #session: SiteSession | undefined;
  #sockets: VirtualSocket[] = [];
  #hasJoined = false;
  #isLeaving = false;
  #joinWaiters: (() => void)[] = [];

  constructor(world: World, options: SimSiteOptions) {
    this.#world = world;
    this.#options = options;
    this.name = options.name;
    this.machine = options.machine;
    this.leads = options.leads;
    this.dropRatio = options.dropRatio;
    this.process = new ProcessClock(world.clock);
    this.process.kill();
    this.siteInstance = { site: this.name, instance: 0 };
  }

  get isUp(): boolean {
    return this.plane !== undefined;
  }

  /** Whether it is up and has joined the session. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Whether it is shutting down. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  get records(): MemoryRecordStore {
    return this.#disk.records;
  }

  /** There while it is up, once it has reached its directory. */
  get streams(): SiteStreams | undefined {
    return this.#session?.streams;
  }

  /** Its place in the session. @throws {MeanderError} `site-unreachable` while it is down */
  get session(): SiteSession {
    if (this.#session !== undefined) return this.#session;
    throw new MeanderError("site-unreachable", "the site is down", { where: `site ${this.name}` });
  }

  /** Settles when it is up and has joined the session. */
  whenJoined(): Promise<void> {
    if (this.#hasJoined) return Promise.resolve();
    return new Promise((resolve) => this.#joinWaiters.push(resolve));
  }

  /** How long a step takes here, ms. */
  msOf(step: TimedStep): number {
    return this.#world.timeOf(step) * (this.#options.slowness ?? 1);
  }

  /**
   * Starts its process, again and again while the leader does not answer. Settles when it has joined the session; a
   * kill ends the wait.
   */
  async boot(): Promise<void> {
    this.hasCrashed = false;
    for (;;) {
      this.#begin();
      const { siteInstance, process } = this;
      try {
        await this.#session?.start();
        if (process.isDead) return;
        this.#hasJoined = true;
        for (const wake of this.#joinWaiters.splice(0)) wake();
        return;
      } catch (error) {
        if (this.siteInstance !== siteInstance || !this.isUp) return;
        if (!(error instanceof MeanderError) || error.code !== "directory-unreachable") throw error;
        this.#end();
        await delay(this.#world.clock, "start again", AGAIN_MS);
        if (this.isUp || this.hasCrashed) return;
      }
    }
  }

  /** As `kill -9`. */
  kill(): void {
    this.hasCrashed = true;
    this.#end();
  }

  /** As SIGSTOP. */
  freeze(): void {
    this.process.freeze();
  }

  /** As SIGCONT. */
  thaw(): void {
    this.process.thaw();
  }

  /** As SIGTERM: streams, neighbours and viewers go elsewhere, and then the process ends. A kill ends the wait. */
  async leave(withinMs = DEPART_MS): Promise<void> {
    const { process, plane } = this;
    if (plane === undefined || this.#isLeaving) return;
    this.#isLeaving = true;
    const session = this.#session;
    if (session !== undefined && this.#hasJoined) await session.leave(withinMs);
    else await plane.reflector.depart(withinMs);
    if (process.isDead) return;
    plane.reflector.close();
    this.kill();
  }

  /** Its machine's clock is set. Timers that are set ring when they would have. */
  setClock(skew: ClockSkew): void {
    this.skew = skew;
    this.process.setSkew(skew);
  }

  /** Ends the process of its agents, if there is one. @returns how many agents it had */
  endProcess(): number {
    return this.#session?.endProcess() ?? 0;
  }

  /** Frames of another site arrive. */
  take(from: SiteInstance, bytes: Uint8Array): void {
    this.#session?.take(from, bytes);
  }

  /** A directory's client connects; at the leading site only. */
  accept(socket: VirtualSocket): void {
    this.own(socket);
    if (this.#session === undefined) socket.close();
    else this.#session.accept(socket);
  }

  /** A shell connects. */
  acceptShell(socket: VirtualSocket): void {
    this.own(socket);
    if (this.#session === undefined) socket.close();
    else this.#session.acceptShell(socket);
  }

  /** Holds an end of a connection until its process ends. */
  own(socket: VirtualSocket): void {
    this.#sockets = this.#sockets.filter(({ isOpen }) => isOpen);
    this.#sockets.push(socket);
  }

  /** Whether an unhandled rejection is one of an agent here; if so, that agent is informed. */
  claimRejection(reason: unknown): boolean {
    return this.#session?.claimRejection(reason) === true;
  }

  #begin(): void {
    const world = this.#world;
    this.process = new ProcessClock(world.clock, this.skew);
    this.siteInstance = world.newSiteInstance(this);
    this.leaseUntilMs = Number.NEGATIVE_INFINITY;
    this.#isLeaving = false;
    const { process } = this;
    const plane = new SitePlane({
      ...{ site: this, process, random: world.planeRandom, log: world.log, planes: world.planes },
      siteOf: (name) => world.site(name),
      onEvent: (event) => world.planeTold(this, event),
    });
    this.plane = plane;
    if (this.#options.hasSession !== false)
      this.#session = new SiteSession(world, this, plane, this.#disk, this.#options);
    else plane.configure(LINK_KEY, UNLIMITED);
  }

  #end(): void {
    const { plane } = this;
    if (plane === undefined) return;
    this.plane = undefined;
    this.#session = undefined;
    this.#hasJoined = false;
    this.process.kill();
    if (this.leads) this.#disk.store.kill();
    for (const socket of this.#sockets.splice(0)) socket.killed();
    plane.end();
  }
}

const UNLIMITED = { maxSubscribers: 1_000, maxBitsPerSecond: 1e12 };
