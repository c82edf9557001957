/** What the tests of this layer share: a leader's process, and sites that are connected to it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logOver, type MeanderError, SeededRandom, SILENT, VirtualClock } from "../base/index.ts";
import { EmbeddedDirectory } from "../directory/embedded/index.ts";
import {
  DirectoryClient,
  DirectoryServer,
  type DirectoryStatus,
  type MessageSocket,
  memorySocketPair,
} from "../directory/index.ts";
import { MEMBER_RIGHTS } from "./directory-rights.ts";
import { Leader } from "./leader.ts";
import { Membership, type MembershipEvents, type MembershipOptions } from "./membership.ts";
import type { ChannelRecord, RouteConfig, SessionRecord, SiteRecord } from "./model.ts";
import type { SiteSelf } from "./records.ts";
import { SiteConfig } from "./site-config.ts";

/** How a member of a {@link SessionWorld} differs from others. */
export interface MemberOptions extends Partial<Pick<MembershipOptions, "leaseMs" | "renewMs">> {
  /** Configuration to start with, as from a file. */
  readonly config?: RouteConfig;
  readonly port?: number;
  readonly instance?: number;
  /** Port for stream frames. */
  readonly streamsPort?: number;
  /** Not over a connection, but in the leader's process. */
  readonly embedded?: boolean;
}

/** A site of a {@link SessionWorld}. */
export interface Member {
  readonly membership: Membership;
  readonly config: SiteConfig;
  readonly told: Told;
  /** Names of the sites last reported. */
  readonly names: string;
  start(): Promise<SessionRecord>;
}

/** What a membership reported; the newest list of each kind. */
export class Told {
  readonly joined: SessionRecord[] = [];
  readonly rekeyed: SessionRecord[] = [];
  sites: readonly SiteRecord[] = [];
  channels: readonly ChannelRecord[] = [];
  readonly configs: RouteConfig[] = [];
  readonly problems: MeanderError[] = [];
  /** What the configuration logged. */
  readonly logged: string[] = [];
  readonly log = logOver((severity, message, { error = "" }) =>
    this.#note(() => this.logged.push(`${severity}: ${message} ${error}`)),
  );
  status: DirectoryStatus["type"] | undefined;
  /** Until when the lease holds, each time it was reported. */
  readonly leases: number[] = [];
  #waiting: (() => void)[] = [];

  readonly events: MembershipEvents = {
    joined: (session) => this.#note(() => this.joined.push(session)),
    rekeyed: (session) => this.#note(() => this.rekeyed.push(session)),
    sites: (sites) => this.#note(() => (this.sites = sites)),
    channels: (channels) => this.#note(() => (this.channels = channels)),
    lease: (untilMs) => this.#note(() => this.leases.push(untilMs)),
    status: ({ type }) => this.#note(() => (this.status = type)),
    problem: (error) => this.#note(() => this.problems.push(error)),
  };

  /** Applies a configuration by noting it. */
  applied(config: RouteConfig): void {
    this.#note(() => this.configs.push(config));
  }

  /** Settles when something is so. */
  async until(check: () => boolean): Promise<void> {
    while (!check()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #note(note: () => unknown): void {
    note();
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A leader's process with its directory, and sites that are connected to it. */
export class SessionWorld implements AsyncDisposable {
  readonly clock = new VirtualClock();
  /** Whether attempts to connect succeed. */
  reachable = true;
  #path = "";
  #starts = 0;
  #embedded: EmbeddedDirectory | undefined;
  #server: DirectoryServer | undefined;
  #leader: Leader | undefined;
  #sockets: MessageSocket[] = [];
  readonly #members: Membership[] = [];
  readonly #clients: DirectoryClient[] = [];

  static async make(): Promise<SessionWorld> {
    const world = new SessionWorld();
    await world.#open();
    return world;
  }

  get leader(): Leader {
    return this.#leader ?? assert.fail("there is a leader");
  }

  get embedded(): EmbeddedDirectory {
    return this.#embedded ?? assert.fail("the directory is open");
  }

  member(name: string, options: MemberOptions = {}): Member {
    const {
      port = 7000,
      instance = 100 + this.#members.length,
      embedded = false,
      streamsPort,
      config: proposal,
      ...rest
    } = options;
    const endpoint = { host: "127.0.0.1", port };
    const site: SiteSelf = {
      name,
      instance,
      http: endpoint,
      udp: endpoint,
      ...(streamsPort === undefined ? {} : { streams: { host: "127.0.0.1", port: streamsPort } }),
      pid: 1,
      version: "0",
      startedAt: 0,
    };
    const directory = embedded ? this.embedded : this.#client(name);
    const told = new Told();
    const membership = new Membership(
      { directory, site, clock: this.clock, log: SILENT, ...rest },
      told.events,
    );
    this.#members.push(membership);
    const config = new SiteConfig({
      site: name,
      clock: this.clock,
      log: told.log,
      apply: async (parsed) => told.applied(parsed),
    });
    return {
      membership,
      config,
      told,
      get names() {
        return told.sites.map((each) => each.name).join();
      },
      start: async () => {
        const session = await membership.start();
        await config.start(directory, proposal);
        return session;
      },
    };
  }

  /** Ends all connections; new ones fail until `reachable` is set. */
  async disconnect(): Promise<void> {
    this.reachable = false;
    for (const socket of this.#sockets.splice(0)) socket.close();
    await this.#quiet();
  }

  /** Ends the leader's process, and starts another on its directory, or on an empty one. */
  async restart({ empty = false } = {}): Promise<void> {
    await this.disconnect();
    await this.#close({ keep: !empty });
    await this.#open();
    this.reachable = true;
  }

  /** Lets time pass in steps, so that what one causes happens before the next. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(left, 500));
      await this.#quiet();
    }
  }

  async advanceUntil(check: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await check())) await this.advance(10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members) member.stop();
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    await this.#close({ keep: false });
  }

  async #open(): Promise<void> {
    if (this.#path === "") this.#path = mkdtempSync(join(tmpdir(), "meander-session-"));
    const { clock } = this;
    const random = new SeededRandom(++this.#starts);
    const options = { clock, random, log: SILENT };
    const directory = await EmbeddedDirectory.open({ ...options, path: this.#path });
    const leader = new Leader({ ...options, directory, site: "origin", instance: this.#starts });
    directory.setRequestHandler(leader.handle);
    this.#leader = leader;
    this.#embedded = directory;
    this.#server = new DirectoryServer(directory, { ...options, rights: MEMBER_RIGHTS });
  }

  async #close({ keep }: { keep: boolean }): Promise<void> {
    this.#server?.close();
    await this.#embedded?.[Symbol.asyncDispose]();
    if (keep) return;
    rmSync(this.#path, { recursive: true, force: true });
    this.#path = "";
  }

  #client(site: string): DirectoryClient {
    const dial = async (): Promise<MessageSocket> => {
      if (!this.reachable) throw new Error("connection refused");
      const [near, far] = memorySocketPair();
      this.#server?.attach(far);
      this.#sockets.push(far);
      return near;
    };
    const client = new DirectoryClient({
      ...{ dial, site },
      clock: this.clock,
      random: new SeededRandom(9),
      log: SILENT,
    });
    this.#clients.push(client);
    return client;
  }

  /** Settles when all messages on their way have arrived: these sockets need turns, not time. */
  async #quiet(): Promise<void> {
    for (let turn = 0; turn < 5; turn++)
      await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
