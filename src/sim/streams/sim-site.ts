import type { AgentProgram, Executor, InlineExecutor, Invocation } from "../../agent/index.ts";
import { delay, type Log, MeanderError, type Random } from "../../base/index.ts";
import { CodeStore } from "../../code/index.ts";
import { EmbeddedDirectory, MemoryStore } from "../../directory/embedded/index.ts";
import {
  type Directory,
  DirectoryClient,
  DirectoryServer,
  type MessageSocket,
} from "../../directory/index.ts";
import { SelfDelivery, SiteStreams } from "../../host/index.ts";
import { Leader, MEMBER_RIGHTS, Membership, type SiteRecord } from "../../session/index.ts";
import { ShellServer } from "../../session/shell/index.ts";
import {
  type FrameNetwork,
  type KernelEvent,
  MemoryRecordStore,
  type SiteInstance,
} from "../../stream/index.ts";
import { type ClockSkew, ProcessClock } from "../process-clock.ts";
import type { KernelStep, TimedStep } from "../simulation.ts";
import { type VirtualSocket, virtualSocketPair } from "../virtual-socket.ts";
import { MemoryMarkStore } from "./memory-mark-store.ts";
import { MortalExecutor, type MortalExecutorOptions } from "./mortal-executor.ts";
import { SimulatedProcess, type SimulatedProcessOptions } from "./simulated-process.ts";
import type { StreamWorld } from "./stream-world.ts";
import { TimedExecutor } from "./timed-executor.ts";
import { SiteThread, TimedRecordStore, timedDirectory } from "./timed-steps.ts";

/** How a simulated site is. */
export interface SimSiteOptions {
  readonly name: string;
  readonly machine: string;
  readonly leads: boolean;
  /** Share of frames lost at its arrival, 0..1. */
  readonly dropRatio: number;
  /** What every step takes longer here than the world says, as a factor, > 0. Default 1. */
  readonly slowness?: number | undefined;
  /** An executor besides the inline one: agents that ask for a process get it. Default: they run inline. */
  readonly process?: Omit<SimulatedProcessOptions, "clock"> | undefined;
  /** When a call ends what runs it: the process of its agents, or the site itself. Default: never. */
  readonly endsAt?: MortalExecutorOptions["endsAt"] | undefined;
  /** A call has ended what ran it. @param isSite that was the site itself, which is down */
  readonly onEnded?:
    | ((site: SimSite, call: Invocation, program: AgentProgram, isSite: boolean) => void)
    | undefined;
}

/** Pause before a site that could not join tries again, ms. */
const AGAIN_MS = 500;

/** A site of a {@link StreamWorld}: the parts of a live one on virtual ports. What is on its disk outlives its process. */
export class SimSite {
  readonly name: string;
  readonly machine: string;
  readonly leads: boolean;
  dropRatio: number;
  skew: ClockSkew = { offsetMs: 0, driftPpm: 0 };
  process: ProcessClock;
  siteInstance: SiteInstance;
  isUp = false;
  /** It was killed, and not started again. */
  hasCrashed = false;
  /** There when the site has joined. */
  streams: SiteStreams | undefined;
  /** Its lease holds until then by its own clock, as it was told. */
  leaseUntilMs = Number.NEGATIVE_INFINITY;
  readonly #options: SimSiteOptions;
  readonly #world: StreamWorld;
  /** The disk. */
  readonly #store = new MemoryStore();
  readonly #records = new MemoryRecordStore();
  readonly #marks = new MemoryMarkStore();
  #sockets: VirtualSocket[] = [];
  #server: DirectoryServer | undefined;
  #shells: ShellServer | undefined;
  #executor: InlineExecutor | undefined;
  #agentProcess: SimulatedProcess | undefined;
  #hasJoined = false;
  #joinWaiters: (() => void)[] = [];
  #frames: ((from: SiteInstance, bytes: Uint8Array) => void) | undefined;

  constructor(world: StreamWorld, options: SimSiteOptions) {
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

  get records(): MemoryRecordStore {
    return this.#records;
  }

  /** Whether it is up and has joined the session. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Settles when it is up and has joined the session. */
  whenJoined(): Promise<void> {
    if (this.#hasJoined) return Promise.resolve();
    return new Promise((resolve) => this.#joinWaiters.push(resolve));
  }

  /** Starts its process, again and again while the leader does not answer. Settles when it has joined the session; a kill ends the wait. */
  async boot(): Promise<void> {
    this.hasCrashed = false;
    for (;;) {
      const { siteInstance } = this;
      try {
        await this.#boot();
        return;
      } catch (error) {
        if (this.siteInstance !== siteInstance && !this.isUp) return;
        if (!(error instanceof MeanderError) || error.code !== "directory-unreachable") throw error;
        this.#end();
        await delay(this.#world.clock, "start again", AGAIN_MS);
        if (this.isUp || this.hasCrashed) return;
      }
    }
  }

  async #boot(): Promise<void> {
    const { clock, random, log } = this.#world;
    this.process = new ProcessClock(clock, this.skew);
    const { process } = this;
    this.#marks.begin();
    this.siteInstance = this.#world.newSiteInstance(this);
    this.isUp = true;
    this.leaseUntilMs = Number.NEGATIVE_INFINITY;
    const directory = await (this.leads ? this.#lead(random) : this.#follow(random));
    const thread = new SiteThread(process);
    const { siteInstance } = this;
    const executor = await this.#world.newExecutor(process);
    if (process.isDead) return;
    this.#executor = executor;
    const executors = this.#executors(executor, process);
    const streams = new SiteStreams({
      self: siteInstance,
      clock: process,
      random,
      log,
      directory: timedDirectory(
        directory,
        () => new Promise((resolve) => thread.run("control", this.#msOf("control"), resolve)),
      ),
      network: this.#network(process, siteInstance, thread),
      records: new TimedRecordStore(this.#world.invariants.watchRecords(this, this.#records), () =>
        this.#passes(process, "store"),
      ),
      marks: this.#marks,
      executors,
      reader: this.#world.reader,
      code: new CodeStore({
        fetch: (sha256) => directory.getBlob(sha256),
        put: (bytes) => directory.putBlob(bytes),
      }),
      allowsInline: true,
      onKernelEvent: (event: KernelEvent) => this.#world.observe(this, siteInstance, event),
      onEvent: (event) => this.#world.told(this, siteInstance, event),
    });
    this.#shells = new ShellServer(({ name }) => streams.openShell(name), { clock: process, log });
    this.streams = streams;
    await streams.start();
    const membership = new Membership(
      { directory, site: this.#self(), clock: process, log },
      {
        joined: () => {},
        sites: (sites) => {
          if (this.leads && this.siteInstance === siteInstance)
            this.#world.invariants.sitesListed(sites);
          streams.setSites(sites);
        },
        channels: () => {},
        status: () => {},
        lease: (untilMs) => {
          if (this.siteInstance === siteInstance) this.leaseUntilMs = untilMs;
          streams.setLease(untilMs);
        },
      },
    );
    for (;;) {
      if (process.isDead) return;
      try {
        await membership.start();
        return this.#joined(process);
      } catch {
        await delay(process, "join again", AGAIN_MS);
      }
    }
  }

  /** As `kill -9`. */
  kill(): void {
    this.hasCrashed = true;
    this.#end();
  }

  /** Ends the process of its agents, if there is one. @returns how many agents it had */
  endProcess(): number {
    return this.#agentProcess?.end() ?? 0;
  }

  /** Frames of another site arrive. */
  take(from: SiteInstance, bytes: Uint8Array): void {
    if (this.process.isRunning) this.#frames?.(from, bytes);
    else this.process.hold(() => this.#frames?.(from, bytes));
  }

  /** A directory's client connects; at the leading site only. */
  accept(socket: VirtualSocket): void {
    this.#own(socket);
    if (this.#server === undefined) socket.close();
    else this.#server.attach(socket);
  }

  /** A shell connects. */
  acceptShell(socket: VirtualSocket): void {
    this.#own(socket);
    if (this.#shells === undefined) socket.close();
    else this.#shells.accept(socket);
  }

  /** Whether an unhandled rejection is one of an agent here; if so, that agent is informed. */
  claimRejection(reason: unknown): boolean {
    return this.#executor?.claimRejection(reason) === true;
  }

  #end(): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.#hasJoined = false;
    this.process.kill();
    this.#frames = undefined;
    if (this.leads) this.#store.kill();
    this.#server = undefined;
    this.#shells = undefined;
    this.#executor = undefined;
    this.#agentProcess = undefined;
    for (const socket of this.#sockets.splice(0)) socket.killed();
    this.streams = undefined;
  }

  /** What its agents run in: watched, and slow. */
  #executors(
    executor: InlineExecutor,
    process: ProcessClock,
  ): { readonly inline: Executor; readonly process?: Executor } {
    const watch = this.#world.invariants.watchHandlers(this);
    const slow = new TimedExecutor(executor, process, (step) => this.#msOf(step));
    const { process: distance, endsAt = () => undefined, onEnded } = this.#options;
    const die: MortalExecutorOptions["die"] = (_instance, call, program) => {
      this.kill();
      onEnded?.(this, call, program, true);
    };
    const inline = watch.over(new MortalExecutor(slow, { clock: process, endsAt, die }));
    if (distance === undefined) return { inline };
    const distant: SimulatedProcess = new SimulatedProcess(
      new MortalExecutor(slow, {
        ...{ clock: process, endsAt },
        die: (instance, call, program) => {
          distant.endBy(instance);
          onEnded?.(this, call, program, false);
        },
      }),
      { clock: process, ...distance },
    );
    this.#agentProcess = distant;
    return { inline, process: watch.over(this.#agentProcess) };
  }

  /** What the site's kernel sends and gets: each frame takes the time of its steps. */
  #network(process: ProcessClock, siteInstance: SiteInstance, thread: SiteThread): FrameNetwork {
    const world = this.#world;
    const carried = new SelfDelivery(
      {
        maxFrameBytes: () => world.frameBytes,
        send: (to, frame) => {
          const ms = this.#msOf("send");
          if (thread.isIdle(ms)) world.carry(this, to, frame);
          else thread.run("send", ms, () => world.carry(this, to, frame));
        },
        onFrames: (handler) => {
          this.#frames = (from, bytes) => {
            const ms = this.#msOf("receive");
            if (thread.isIdle(ms)) handler(from, bytes);
            else thread.run("receive", ms, () => handler(from, bytes));
          };
        },
      },
      siteInstance,
      (task) => void process.after("soon", 0, task),
    );
    return {
      maxFrameBytes: () => world.frameBytes,
      send: (to, frame) => {
        if (process.isDead) return;
        world.invariants.frameSent(this, to, frame);
        carried.send(to, frame);
      },
      onFrames: (handler) =>
        carried.onFrames((from, frame) =>
          world.invariants.frameArrives(this, from, frame, () => handler(from, frame)),
        ),
    };
  }

  #msOf(step: TimedStep): number {
    return this.#world.timeOf(step) * (this.#options.slowness ?? 1);
  }

  /** Settles when the time of a step has passed. */
  async #passes(process: ProcessClock, step: KernelStep): Promise<void> {
    const ms = this.#msOf(step);
    if (ms > 0) await delay(process, step, ms);
  }

  #joined(process: ProcessClock): void {
    if (process.isDead) return;
    this.#hasJoined = true;
    for (const wake of this.#joinWaiters.splice(0)) wake();
  }

  #own(socket: VirtualSocket): void {
    this.#sockets = this.#sockets.filter(({ isOpen }) => isOpen);
    this.#sockets.push(socket);
  }

  #self(): Omit<SiteRecord, "leader"> {
    const index = this.#world.sites.indexOf(this);
    const endpoint = { host: `10.0.0.${index + 1}`, port: 7_000 };
    const { name: site, siteInstance, process } = this;
    return {
      name: site,
      instance: siteInstance.instance,
      http: endpoint,
      udp: endpoint,
      pid: siteInstance.instance,
      version: "0",
      startedAt: Math.max(0, Math.round(process.wall())),
    };
  }

  async #lead(random: Random): Promise<Directory> {
    const { log } = this.#world;
    const { process: clock, siteInstance } = this;
    const directory = await EmbeddedDirectory.open({ store: this.#store, clock, random, log });
    const leader = new Leader({
      directory,
      clock,
      random,
      log,
      site: this.name,
      instance: siteInstance.instance,
      streams: {
        calls: directory.sites,
        isEnded: (record) => this.#world.isEnded(this, record),
        onEvent: (event) => this.streams?.ledTo(event),
      },
    });
    directory.setRequestHandler(leader.handle);
    await leader.start();
    this.#server = new DirectoryServer(directory, { log, clock, rights: MEMBER_RIGHTS });
    return directory;
  }

  async #follow(random: Random): Promise<Directory> {
    const { process: clock } = this;
    const dial = (): Promise<MessageSocket> => this.#dial(clock);
    return new DirectoryClient({ dial, clock, random, log: this.#log(), site: this.name });
  }

  #log(): Log {
    return this.#world.log;
  }

  /** Connects to the leader, as far as it can be reached. */
  async #dial(clock: ProcessClock): Promise<MessageSocket> {
    const { network, leader } = this.#world;
    await delay(clock, "dial", 1);
    if (!leader.isUp || network.isCut(this.machine, leader.machine)) {
      await delay(clock, "dial refused", 20);
      throw new Error("connection refused");
    }
    const [mine, theirs] = virtualSocketPair(
      network,
      { machine: this.machine, process: clock },
      { machine: leader.machine, process: leader.process },
    );
    this.#own(mine);
    const { process } = leader;
    process.hold(() => leader.accept(theirs));
    return mine;
  }
}
