import { z } from "zod";
import type { StreamEvent } from "../agent/index.ts";
import {
  assert,
  type Clock,
  isAboutToken,
  type Log,
  MeanderError,
  messageOf,
  type Random,
} from "../base/index.ts";
import { SiteClient, type SiteCredentials, siteUrlOf } from "../client/index.ts";
import { EmbeddedDirectory } from "../directory/embedded/index.ts";
import {
  type Directory,
  DirectoryClient,
  type DirectoryStatus,
  type Json,
  type LeaderDirectory,
} from "../directory/index.ts";
import {
  type AccessPolicy,
  type ChannelRecord,
  Membership,
  type PolicyJudge,
  type SessionRecord,
  type SiteRecord,
  type SiteSelf,
} from "../session/index.ts";
import type { TlsTrust } from "../transport/index.ts";
import { MemberCredential } from "./access/member-credential.ts";
import type { SiteAccess } from "./access/site-access.ts";
import type { SiteAudit } from "./audit/site-audit.ts";
import { dialDirectory } from "./directory-sockets.ts";
import { LedSession } from "./led-session.ts";
import type { WriteWatch } from "./observe/write-watch.ts";
import { type Plane, SOCKET_PATHS } from "./plane/plane.ts";
import { hasEnded } from "./site-ended.ts";

/** What the session tells a site. */
export interface SessionLinkEvents {
  sites(sites: readonly SiteRecord[]): void;
  channels(channels: readonly ChannelRecord[]): void;
  status(status: DirectoryStatus): void;
  /** The site's lease certainly holds until then, by `Clock.now()`. */
  lease(untilMs: number): void;
  /** [A44] The session has another link key than before, or than {@link SessionLink.start} answered. */
  rekeyed(session: SessionRecord): void;
}

/** What a site brings into its session. */
export interface SessionLinkOptions {
  readonly record: SiteRecord;
  /** Address of a site to join; undefined: lead. */
  readonly join: string | undefined;
  /** Folder of a leader's directory. */
  readonly data: string;
  /** The access rules, which the site follows through the session. */
  readonly access: SiteAccess;
  /** Of a session that this site leads. */
  readonly policy: Pick<AccessPolicy, "mode" | "public">;
  /** What a joining site presents and trusts. */
  readonly credentials: SiteCredentials;
  /** Time of the site's lease, ms; undefined: the default. */
  readonly leaseMs: number | undefined;
  readonly plane: Plane;
  readonly audit: SiteAudit;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Notices what the directory of a session that this site leads refuses. */
  readonly writes: WriteWatch;
  readonly events: SessionLinkEvents;
  /** Called with the directory before the site joins: the receiver of the leader's commands must exist by then. */
  prepare(directory: Directory): Promise<void>;
  /** Judges by policies that are code, where this site leads. */
  readonly judge: PolicyJudge;
  /** Called with what this site, as the leader, did with streams. */
  onLed(event: StreamEvent): void;
}

/** A site's place in its session: its directory, its own or the leader's, and its membership. */
export class SessionLink {
  readonly #options: SessionLinkOptions;
  #directory: Directory | undefined;
  #led: LedSession | undefined;
  #credential: MemberCredential | undefined;
  /** How the leader is trusted now; its certificate may change. */
  #leaderTrust: TlsTrust | undefined;
  #membership: Membership | undefined;
  #session: SessionRecord | undefined;
  /** Events from before the site was ready for them; the newest of each kind. */
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
   * @throws {MeanderError} `directory-…`, `join-failed`, and what `prepare` throws and the leader refuses with
   */
  async start(): Promise<SessionRecord> {
    const { join, record, leaseMs, clock, log, prepare } = this.#options;
    const directory = join === undefined ? await this.#lead() : await this.#follow(join);
    this.#directory = directory;
    const hold =
      <Kind extends keyof SessionLinkEvents>(kind: Kind) =>
      (news: Parameters<SessionLinkEvents[Kind]>[0]): void =>
        this.#tell(kind, news);
    this.#membership = new Membership(
      { directory, site: selfOf(record), clock, log, leaseMs },
      {
        joined: (session) => {
          if (this.#session !== undefined) this.#tell("rekeyed", session);
          this.#session = session;
        },
        rekeyed: (session) => {
          this.#session = session;
          this.#tell("rekeyed", session);
        },
        sites: (sites) => {
          this.#noteLeader(sites);
          this.#tell("sites", sites);
        },
        channels: hold("channels"),
        status: hold("status"),
        lease: hold("lease"),
      },
    );
    try {
      // A leader has followed its own rules before it admitted others.
      if (join !== undefined) await this.#options.access.start(directory);
      await prepare(directory);
      this.#session = await this.#membership.start();
      await this.#credential?.keep(directory);
    } catch (error) {
      throw join === undefined ? error : await this.#explained(error, join);
    }
    return this.#session;
  }

  /** The site is ready for events; those held back are delivered now. */
  release(): void {
    const held = this.#held ?? new Map();
    this.#held = undefined;
    for (const tell of held.values()) tell();
  }

  /** What members were refused, where this site leads; by reason. */
  get refused(): Readonly<Record<string, number>> {
    return this.#led?.refused ?? {};
  }

  /** The session's directory, once the site has joined. */
  get directory(): Directory {
    this.#joined();
    assert(this.#directory !== undefined, "a site that has joined has a directory");
    return this.#directory;
  }

  /** The directory's present record of a channel. Rejects while the directory cannot be reached. */
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

  /**
   * Asks the leader to move all streams of this site to others.
   *
   * @throws {MeanderError} `directory-unreachable` when that took longer; the rest stays
   */
  async evacuate(timeoutMs: number): Promise<{ readonly moved: number; readonly stayed: number }> {
    const { name: site } = this.#options.record;
    const payload = { site, by: `site:${site}` };
    const answer = await this.#directory?.request("evacuate-site", payload, { timeoutMs });
    const { moved, failed } = evacuatedSchema.parse(answer);
    return { moved, stayed: failed.length };
  }

  /** Asks the leader. */
  async request(subject: string, payload: Json): Promise<Json> {
    this.#joined();
    const answer = await this.#directory?.request(subject, payload);
    return answer ?? null;
  }

  /** Announces that the record of this site has changed. */
  async announceSelf(): Promise<void> {
    this.#membership?.announce(selfOf(this.#options.record));
  }

  /** Leaves the session. */
  async leave(): Promise<void> {
    await this.#membership?.leave();
  }

  /** Closes the directory, or the connection to it. */
  async close(): Promise<void> {
    this.#credential?.close();
    this.#options.access.stop();
    this.#membership?.stop();
    this.#led?.stop();
    await this.#directory?.[Symbol.asyncDispose]();
  }

  async #lead(): Promise<Directory> {
    const { record, data, access, policy, plane, audit, clock, random, log } = this.#options;
    const { judge, onLed } = this.#options;
    const store = await EmbeddedDirectory.open({ path: data, clock, random, log });
    const directory: LeaderDirectory = this.#options.writes.watched(store);
    const { name: site, instance } = record;
    const led = await LedSession.open({
      ...{ directory, folder: data, self: { site, instance }, access, policy, audit },
      ...{ clock, random, log },
      isEnded: (other) => hasEnded(other, clock),
      ...{ judge, onLed },
    });
    this.#led = led;
    plane.onDirectory((socket, address) => led.accept(socket, address));
    return directory;
  }

  async #follow(join: string): Promise<Directory> {
    const { clock, random, log, data, record, credentials } = this.#options;
    const about = { folder: data, site: record.name, given: credentials.token };
    const credential = await MemberCredential.open({ ...about, clock, log });
    this.#credential = credential;
    const leader = await this.#leaderOf(join, credential);
    const url = `${leader.replace(/^http/, "ws")}${SOCKET_PATHS.directory}`;
    return new DirectoryClient({
      ...{ clock, random, log },
      dial: () => dialDirectory(url, { trust: this.#leaderTrust, clock }),
      site: record.name,
      token: () => credential.token,
      onDismissed: (error) => {
        // The stored token may have been revoked since; the given one may still be valid.
        const isOther = isAboutToken(error.code) && credential.refused();
        const { message } = error;
        log.warn("The leader refuses this site.", { error: message, triesOther: isOther });
      },
    });
  }

  /** A new certificate of the leader is in its record. A leader that is trusted by its authority needs none. */
  #noteLeader(sites: readonly SiteRecord[]): void {
    const tls = sites.find(({ leader }) => leader)?.tls;
    if (tls === undefined || this.#leaderTrust?.fingerprint === undefined) return;
    if (this.#leaderTrust.fingerprint !== tls.fingerprint) this.#leaderTrust = tls;
  }

  /** Any site of a session may be named; the directory is at its leader. */
  async #leaderOf(join: string, credential: MemberCredential): Promise<string> {
    const { trust } = this.#options.credentials;
    this.#leaderTrust = trust;
    const client = new SiteClient(join, { token: credential.token, trust });
    try {
      const { sites, leader, self } = await client.session();
      const leading = sites.find(({ name }) => name === leader);
      if (leading === undefined || leading.name === self) return client.url;
      // The named site is trusted to report its leader's certificate.
      if (leading.tls !== undefined) this.#leaderTrust = leading.tls;
      return siteUrlOf(leading);
    } catch (error) {
      const code = error instanceof MeanderError ? error.code : "";
      if (isAboutToken(code) && credential.refused()) return this.#leaderOf(join, credential);
      if (isAboutToken(code) || code.startsWith("tls-")) throw error;
      // It may be starting; the directory's client retries until its deadline.
      this.#options.log.debug("The site to join did not answer yet.", {
        join,
        error: messageOf(error),
      });
      return client.url;
    }
  }

  /** Explains why joining failed, by asking the site to join whether it answers now. */
  async #explained(error: unknown, join: string): Promise<unknown> {
    if (!(error instanceof MeanderError) || error.code !== "directory-unreachable") return error;
    const { trust } = this.#options.credentials;
    const refusal = await new SiteClient(join, { trust }).health().then(
      () => undefined,
      (cause: unknown) => cause,
    );
    const isAbsent = refusal instanceof MeanderError && refusal.code === "site-unreachable";
    return new MeanderError(
      error.code,
      isAbsent ? refusal.what : `its leader does not answer: ${error.what}`,
      {
        where: `argument --join ${join}`,
        expected: "the address of a running site of the session",
        next: isAbsent
          ? "start that site, or correct the address"
          : "check that the leader runs, and that this machine reaches it",
        cause: error,
      },
    );
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

/** What a site reports about itself; the leader decides who leads. */
function selfOf({ leader: _leader, ...self }: SiteRecord): SiteSelf {
  return self;
}
