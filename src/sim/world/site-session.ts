import type { InlineExecutor } from "../../agent/index.ts";
import { delay, MeanderError } from "../../base/index.ts";
import { authorChecks, CodeStore } from "../../code/index.ts";
import { EmbeddedDirectory, type MemoryStore } from "../../directory/embedded/index.ts";
import {
  type Directory,
  DirectoryClient,
  DirectoryServer,
  type MessageSocket,
} from "../../directory/index.ts";
import { judgeOnce, PolicyAgents, SiteStreams } from "../../host/index.ts";
import { type ChannelPublisher, ChannelRouter } from "../../reflector/index.ts";
import {
  defaultRouteConfig,
  Leader,
  MEMBER_RIGHTS,
  Membership,
  type RouteConfig,
  type SessionRecord,
  SiteConfig,
  type SiteRecord,
} from "../../session/index.ts";
import { ShellServer } from "../../session/shell/index.ts";
import type { MemoryRecordStore, SiteInstance } from "../../stream/index.ts";
import type { MemoryMarkStore } from "../streams/memory-mark-store.ts";
import { SiteThread, TimedRecordStore, timedDirectory } from "../streams/timed-steps.ts";
import type { ProcessClock } from "./process-clock.ts";
import type { SimSite } from "./sim-site.ts";
import { type SiteExecutorOptions, SiteExecutors } from "./site-executors.ts";
import { SiteFrames } from "./site-frames.ts";
import type { SitePlane } from "./site-plane.ts";
import { type VirtualSocket, virtualSocketPair } from "./virtual-socket.ts";
import type { World } from "./world.ts";

/** What a site has on its disk; it outlives the site's process. */
export interface SiteDisk {
  /** Of the directory, at a leader. */
  readonly store: MemoryStore;
  readonly records: MemoryRecordStore;
  readonly marks: MemoryMarkStore;
}

/** How a simulated site takes part in its session. */
export interface SiteSessionOptions extends SiteExecutorOptions {
  /** Routes of its channels, as from a file at its start. Default: what the directory has. */
  readonly routes?: (() => RouteConfig) | undefined;
}

/** Pause before a site that could not join tries again, ms. */
const AGAIN_MS = 500;
/** What the leader must not say of a request that a site makes for itself. */
const NEVER_REFUSED = ["principal-", "request-", "denied"];
/** A site that leaves waits so long for its streams to move away, and for its leader, ms. */
const EVACUATE_MS_MAX = 3_000;
const LEAVE_MS_MAX = 2_000;

/** What one process of a simulated site has of its session: directory, membership, streams and routes, as live ones. */
export class SiteSession {
  /** There once the site has reached its directory. */
  streams: SiteStreams | undefined;
  readonly #world: World;
  readonly #site: SimSite;
  readonly #options: SiteSessionOptions;
  readonly #disk: SiteDisk;
  readonly #process: ProcessClock;
  readonly #siteInstance: SiteInstance;
  readonly #plane: SitePlane;
  readonly #thread: SiteThread;
  readonly #frames: SiteFrames;
  readonly #router: ChannelRouter;
  readonly #config: SiteConfig;
  #directory: Directory | undefined;
  #server: DirectoryServer | undefined;
  #shells: ShellServer | undefined;
  #executor: InlineExecutor | undefined;
  #executors: SiteExecutors | undefined;
  #policies: PolicyAgents | undefined;
  #membership: Membership | undefined;
  /** What the plane is told once it knows who it is: the newest of each kind. */
  #held: Map<"sites" | "channels" | "rekeyed", () => void> | undefined = new Map();

  constructor(
    world: World,
    site: SimSite,
    plane: SitePlane,
    disk: SiteDisk,
    options: SiteSessionOptions,
  ) {
    const { process, siteInstance, name } = site;
    const { log } = world;
    this.#world = world;
    this.#site = site;
    this.#options = options;
    this.#disk = disk;
    this.#process = process;
    this.#siteInstance = siteInstance;
    this.#plane = plane;
    this.#thread = new SiteThread(process);
    this.#frames = new SiteFrames(world, site, this.#thread);
    this.#router = new ChannelRouter({
      ...{ self: name, plane, clock: process, log },
      lookUp: (channel) => this.#joined.lookUp(channel),
      allocate: (channel) => this.#joined.openChannel(channel),
    });
    this.#config = new SiteConfig({
      ...{ site: name, clock: process, log },
      apply: (routes) => this.#router.setRoutes(routes),
    });
  }

  /**
   * Joins the session. Never settles when the process is killed meanwhile.
   *
   * @throws {MeanderError} `directory-unreachable`
   */
  async start(): Promise<void> {
    const world = this.#world;
    const process = this.#process;
    this.#disk.marks.begin();
    const directory = await (this.#site.leads ? this.#lead() : this.#follow());
    this.#directory = directory;
    const executor = await world.newExecutor(process);
    if (process.isDead) return;
    this.#executor = executor;
    const streams = this.#openStreams(directory, executor);
    await streams.start();
    const { linkKey } = await this.#join(directory, streams);
    this.#plane.configure(linkKey, defaultRouteConfig());
    for (const tell of this.#held?.values() ?? []) tell();
    this.#held = undefined;
    await this.#config.start(directory, this.#options.routes?.());
  }

  /** Sets the routes of the site's channels, as `meander config set` does. Settles when they are applied. */
  async setRoutes(routes: unknown): Promise<void> {
    await this.#config.set(routes);
  }

  /** Announces that the channel is ingested here, and opens it. @throws what the leader refuses with */
  async ingest(channel: string): Promise<ChannelPublisher> {
    await this.#router.addIngest(await this.#joined.openChannel(channel, { ingest: true }));
    return this.#plane.reflector.openPublisher(channel);
  }

  /** Shuts down as by SIGTERM, but for the end of the process. @param withinMs neighbours and viewers have this long */
  async leave(withinMs: number): Promise<void> {
    await Promise.all([this.#evacuate(), this.#plane.reflector.depart(withinMs)]);
    await this.#shells?.close();
    await this.streams?.close();
    this.#site.leaseUntilMs = Number.NEGATIVE_INFINITY;
    await Promise.race([this.#membership?.leave(), delay(this.#process, "leave", LEAVE_MS_MAX)]);
    this.#router.close();
    this.#config.stop();
    this.#disk.marks.close();
  }

  /** Frames of another site arrive. */
  take(from: SiteInstance, bytes: Uint8Array): void {
    this.#frames.take(from, bytes);
  }

  /** A directory's client connects; at the leading site only. */
  accept(socket: VirtualSocket): void {
    if (this.#server === undefined) socket.close();
    else this.#server.attach(socket);
  }

  /** A shell connects. */
  acceptShell(socket: VirtualSocket): void {
    if (this.#shells === undefined) socket.close();
    else this.#shells.accept(socket);
  }

  /** Ends the process of its agents, if there is one. @returns how many agents it had */
  endProcess(): number {
    return this.#executors?.endProcess() ?? 0;
  }

  /** Whether an unhandled rejection is one of an agent here; if so, that agent is informed. */
  claimRejection(reason: unknown): boolean {
    return this.#executor?.claimRejection(reason) === true;
  }

  #openStreams(directory: Directory, executor: InlineExecutor): SiteStreams {
    const world = this.#world;
    const site = this.#site;
    const process = this.#process;
    const siteInstance = this.#siteInstance;
    const { random, log } = world;
    this.#executors = new SiteExecutors(world, site, executor, this.#options);
    const code = new CodeStore({
      fetch: (sha256) => directory.getBlob(sha256),
      put: (bytes) => directory.putBlob(bytes),
    });
    this.#policies = new PolicyAgents({
      ...{ executor, code, site: site.name, clock: process, random, log },
    });
    const streams = new SiteStreams({
      ...{ self: siteInstance, clock: process, random, log, network: this.#frames },
      directory: timedDirectory(
        directory,
        () => new Promise((resolve) => this.#thread.run("control", site.msOf("control"), resolve)),
      ),
      records: new TimedRecordStore(
        world.invariants.watchRecords(site, this.#disk.records),
        async () => {
          const ms = site.msOf("store");
          if (ms > 0) await delay(process, "store", ms);
        },
      ),
      marks: this.#disk.marks,
      executors: this.#executors,
      reader: world.reader,
      code,
      allowsInline: true,
      onPing: (rooms) => {
        if (rooms.length > 0) this.#plane.reflector.setRooms(rooms);
        return this.#plane.reflector.stats().room;
      },
      onKernelEvent: (event) => world.observe(site, siteInstance, event),
      onEvent: (event) => world.told(site, siteInstance, event),
    });
    this.#shells = new ShellServer(({ name, identity }) => streams.attachShell(name, identity), {
      ...{ clock: process, log },
    });
    this.streams = streams;
    return streams;
  }

  /** Joins, again and again until that works. */
  async #join(directory: Directory, streams: SiteStreams): Promise<SessionRecord> {
    const process = this.#process;
    const site = this.#site;
    for (;;) {
      const membership = new Membership(
        { directory, site: this.#self(), clock: process, log: this.#world.log },
        {
          joined: () => {},
          rekeyed: ({ linkKey, expelled = [] }) =>
            this.#tell("rekeyed", () => this.#plane.rekey(linkKey, expelled)),
          sites: (sites) => this.#listed(sites, streams),
          channels: (channels) =>
            this.#tell("channels", () => void this.#router.setChannels(channels)),
          status: () => {},
          lease: (untilMs) => {
            if (site.siteInstance === this.#siteInstance) site.leaseUntilMs = untilMs;
            streams.setLease(untilMs);
          },
        },
      );
      this.#membership = membership;
      try {
        return await membership.start();
      } catch {
        await delay(process, "join again", AGAIN_MS);
      }
    }
  }

  #listed(sites: readonly SiteRecord[], streams: SiteStreams): void {
    const { leads, siteInstance } = this.#site;
    if (leads && siteInstance === this.#siteInstance) this.#world.invariants.sitesListed(sites);
    streams.setSites(sites);
    const names = sites.map(({ name }) => name);
    this.#tell("sites", () => {
      this.#plane.setNeighbours(names);
      this.#plane.setViewerSites(names);
    });
  }

  #tell(kind: "sites" | "channels" | "rekeyed", tell: () => void): void {
    if (this.#held === undefined) tell();
    else this.#held.set(kind, tell);
  }

  /** What does not move in time is taken over when the site has left. */
  async #evacuate(): Promise<void> {
    const { name } = this.#site;
    const residents = this.streams?.kernel.residents.size ?? 0;
    if (residents === 0 || (this.streams?.sites.length ?? 0) < 2) return;
    const payload = { site: name, by: `site:${name}` };
    await this.#directory
      ?.request("evacuate-site", payload, { timeoutMs: EVACUATE_MS_MAX })
      .catch((error: unknown) => {
        // It goes all the same when the leader is away, or has given it up; only its request must be a right one.
        const code = error instanceof MeanderError ? error.code : "";
        if (code === "" || NEVER_REFUSED.some((each) => code.startsWith(each))) throw error;
      });
  }

  /** The session's directory; undefined: it was not reached yet. */
  get directory(): Directory | undefined {
    return this.#directory;
  }

  get #joined(): Membership {
    if (this.#membership !== undefined) return this.#membership;
    throw new MeanderError("starting", "the site has not joined its session yet");
  }

  #self(): Omit<SiteRecord, "leader"> {
    const index = this.#world.sites.indexOf(this.#site);
    const endpoint = { host: `10.0.${index >> 8}.${(index & 0xff) + 1}`, port: 7_000 };
    const { site: name, instance } = this.#siteInstance;
    return {
      ...{ name, instance, http: endpoint, udp: endpoint, pid: instance, version: "0" },
      startedAt: Math.max(0, Math.round(this.#process.wall())),
    };
  }

  async #lead(): Promise<Directory> {
    const { log, random } = this.#world;
    const { store } = this.#disk;
    const clock = this.#process;
    const directory = await EmbeddedDirectory.open({ store, clock, random, log });
    const { site, instance } = this.#siteInstance;
    const leader = new Leader({
      ...{ directory, clock, random, log, site, instance },
      streams: {
        calls: directory.sites,
        isEnded: (record) => this.#world.isEnded(this.#site, record),
        judge: judgeOnce(() => this.#policies),
        authors: authorChecks({ fetch: (sha256) => directory.getBlob(sha256) }),
        onEvent: (event) => this.streams?.ledTo(event),
      },
    });
    directory.setRequestHandler(leader.handle);
    await leader.start();
    this.#server = new DirectoryServer(directory, { log, clock, rights: MEMBER_RIGHTS });
    return directory;
  }

  async #follow(): Promise<Directory> {
    const { random, log } = this.#world;
    const { name: site } = this.#site;
    const dial = (): Promise<MessageSocket> => this.#dial();
    return new DirectoryClient({ dial, clock: this.#process, random, log, site });
  }

  /** Connects to the leader, as far as it can be reached. */
  async #dial(): Promise<MessageSocket> {
    const { network, leader } = this.#world;
    const { machine } = this.#site;
    const clock = this.#process;
    await delay(clock, "dial", 1);
    if (!leader.isUp || !network.isReachable(machine, leader.machine)) {
      await delay(clock, "dial refused", 20);
      throw new Error("connection refused");
    }
    const [mine, theirs] = virtualSocketPair(
      network,
      { machine, process: clock },
      { machine: leader.machine, process: leader.process },
    );
    this.#site.own(mine);
    const { process } = leader;
    process.hold(() => leader.accept(theirs));
    return mine;
  }
}
