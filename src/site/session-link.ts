import { z } from "zod";
import type { StreamEvent } from "../agent/index.ts";
import { type Clock, type Log, MeanderError, messageOf, type Random } from "../base/index.ts";
import { EmbeddedDirectory } from "../directory/embedded/index.ts";
import {
  type Directory,
  DirectoryClient,
  DirectoryServer,
  type DirectoryStatus,
} from "../directory/index.ts";
import {
  type ChannelRecord,
  Leader,
  Membership,
  type RouteConfig,
  type SessionRecord,
  type SiteRecord,
  type SiteSelf,
} from "../session/index.ts";
import { formatAddress } from "../transport/index.ts";
import { SiteClient } from "./client/site-client.ts";
import { dialDirectory } from "./directory-sockets.ts";
import { type Plane, SOCKET_PATHS } from "./plane/plane.ts";
import { hasEnded } from "./site-ended.ts";

/** What the session tells a site. */
export interface SessionLinkEvents {
  sites(sites: readonly SiteRecord[]): void;
  channels(channels: readonly ChannelRecord[]): void;
  routes(routes: RouteConfig): void;
  status(status: DirectoryStatus): void;
  /** Until then, by `Clock.now()`, the site's lease certainly holds. */
  lease(untilMs: number): void;
}

/** What a site brings into its session. */
export interface SessionLinkOptions {
  readonly record: SiteRecord;
  /** Address of a site to join; undefined: lead. */
  readonly join: string | undefined;
  /** Folder of a leader's directory. */
  readonly data: string;
  /** Time of the site's lease, ms; undefined: the usual one. */
  readonly leaseMs: number | undefined;
  readonly plane: Plane;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: SessionLinkEvents;
  /** Called with the directory before the site joins: whatever takes the leader's commands has to be there by then. */
  prepare(directory: Directory): Promise<void>;
  /** Told what this site, as the leader, did with streams. */
  onLed(event: StreamEvent): void;
}

/** A site's place in its session: its directory, its own or the leader's, and its membership. */
export class SessionLink {
  readonly #options: SessionLinkOptions;
  #directory: Directory | undefined;
  #server: DirectoryServer | undefined;
  #leader: Leader | undefined;
  #membership: Membership | undefined;
  #session: SessionRecord | undefined;
  /** What was told before the site was ready for it; the newest of each kind. */
  #held: Map<keyof SessionLinkEvents, () => void> | undefined = new Map();

  constructor(options: SessionLinkOptions) {
    this.#options = options;
  }

  /** The session; its name is empty before `start`. */
  get session(): { readonly name: string } {
    return this.#session ?? { name: "" };
  }

  /**
   * Opens the directory, or reaches the leader's, and joins. Events are held back until `release`.
   *
   * @param routes to set for this site; undefined: those that the directory has
   * @throws {MeanderError} `directory-…`, `join-failed`, and what `prepare` throws and the leader refuses with
   */
  async start(routes: RouteConfig | undefined): Promise<SessionRecord> {
    const { join, record, leaseMs, clock, log, prepare } = this.#options;
    const directory = join === undefined ? await this.#lead() : await this.#follow(join);
    this.#directory = directory;
    const hold =
      <Kind extends keyof SessionLinkEvents>(kind: Kind) =>
      (news: Parameters<SessionLinkEvents[Kind]>[0]): void =>
        this.#tell(kind, news);
    this.#membership = new Membership(
      { directory, site: selfOf(record), clock, log, config: routes, leaseMs },
      {
        joined: (session) => {
          this.#session = session;
        },
        sites: hold("sites"),
        channels: hold("channels"),
        config: hold("routes"),
        status: hold("status"),
        lease: hold("lease"),
      },
    );
    try {
      await prepare(directory);
      this.#session = await this.#membership.start();
    } catch (error) {
      throw join === undefined ? error : withAddress(error, join);
    }
    return this.#session;
  }

  /** The site is ready for events; those held back come now. */
  release(): void {
    const held = this.#held ?? new Map();
    this.#held = undefined;
    for (const tell of held.values()) tell();
  }

  /** What the directory has of a channel now. Rejects while it cannot be reached. */
  async lookUp(name: string): Promise<ChannelRecord | undefined> {
    return this.#joined().lookUp(name);
  }

  /** Gives a channel its id, if it has none yet. */
  allocate(name: string): Promise<ChannelRecord> {
    return this.#joined().openChannel(name);
  }

  /** The same, and notes that this site ingests it. */
  announce(name: string): Promise<ChannelRecord> {
    return this.#joined().openChannel(name, { ingest: true });
  }

  setRoutes(routes: RouteConfig): Promise<void> {
    return this.#joined().setConfig(routes);
  }

  /**
   * Asks the leader to move all streams of this site to others.
   *
   * @throws {MeanderError} `directory-unreachable` when that took longer; the rest stays
   */
  async evacuate(timeoutMs: number): Promise<{ readonly moved: number; readonly stayed: number }> {
    const { name: site } = this.#options.record;
    const payload = { site, by: site };
    const answer = await this.#directory?.request("evacuate-site", payload, { timeoutMs });
    const { moved, failed } = evacuatedSchema.parse(answer);
    return { moved, stayed: failed.length };
  }

  /** Takes leave of the session. */
  async leave(): Promise<void> {
    await this.#membership?.leave();
  }

  /** Closes the directory, or the way to it. */
  async close(): Promise<void> {
    this.#membership?.stop();
    this.#leader?.stop();
    this.#server?.close();
    await this.#directory?.[Symbol.asyncDispose]();
  }

  async #lead(): Promise<Directory> {
    const { record, data, plane, clock, random, log, onLed } = this.#options;
    const directory = await EmbeddedDirectory.open({ path: data, clock, random, log });
    const { name: site, instance } = record;
    const leader = new Leader({
      ...{ directory, clock, random, log, site, instance },
      streams: {
        calls: directory.sites,
        isEnded: (other) => hasEnded(other, clock),
        onEvent: onLed,
      },
    });
    this.#leader = leader;
    directory.setRequestHandler(leader.handle);
    const server = new DirectoryServer(directory, { log, clock });
    plane.onDirectory((socket) => server.attach(socket));
    this.#server = server;
    return directory;
  }

  async #follow(join: string): Promise<Directory> {
    const { clock, random, log } = this.#options;
    const url = `${(await this.#leaderOf(join)).replace(/^http/, "ws")}${SOCKET_PATHS.directory}`;
    return new DirectoryClient({ dial: () => dialDirectory(url), clock, random, log });
  }

  /** Any site of a session may be named; the directory is at the one that leads. */
  async #leaderOf(join: string): Promise<string> {
    const client = new SiteClient(join);
    try {
      const { sites, leader, self } = await client.session();
      const leading = sites.find(({ name }) => name === leader);
      if (leading === undefined || leading.name === self) return client.url;
      return `http://${formatAddress(leading.http.host, leading.http.port)}`;
    } catch (error) {
      // It may be starting; then the directory's client tries again until its deadline.
      this.#options.log.debug("The site to join did not answer yet.", {
        join,
        error: messageOf(error),
      });
      return client.url;
    }
  }

  #joined(): Membership {
    if (this.#membership !== undefined) return this.#membership;
    throw new MeanderError("starting", "the site has not joined its session yet", {
      next: "try again in a second",
    });
  }

  #tell<Kind extends keyof SessionLinkEvents>(
    kind: Kind,
    news: Parameters<SessionLinkEvents[Kind]>[0],
  ): void {
    const tell = (): void => (this.#options.events[kind] as (value: typeof news) => void)(news);
    if (this.#held === undefined) tell();
    else this.#held.set(kind, tell);
  }
}

/** What the leader answers when a site's streams have moved. */
const evacuatedSchema = z.object({ moved: z.number(), failed: z.array(z.unknown()) });

/** What a site says of itself; who leads is for the leader to say. */
function selfOf({ leader: _leader, ...self }: SiteRecord): SiteSelf {
  return self;
}

/** What went wrong with a directory that did not answer, with the address that somebody typed. */
function withAddress(error: unknown, join: string): unknown {
  if (!(error instanceof MeanderError) || error.code !== "directory-unreachable") return error;
  return new MeanderError(error.code, `no session could be joined there: ${error.what}`, {
    where: `argument --join ${join}`,
    expected: "the address of a running site of the session",
    next: "check that it runs, and that this machine reaches it",
    cause: error,
  });
}
