import {
  assert,
  type Cancel,
  type Clock,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
} from "../base/index.ts";
import type { Change, Directory, DirectoryStatus, Json, Lease } from "../directory/index.ts";
import { isOutage, readAnswer } from "./leader-answers.ts";
import type { ChannelRecord, SessionRecord, SiteRecord } from "./model.ts";
import { RecordList } from "./record-list.ts";
import { type SiteSelf, sessionRecordSchema, siteRecordSchema } from "./records.ts";
import { SessionChannels } from "./session-channels.ts";

/** What a membership needs. */
export interface MembershipOptions {
  readonly directory: Directory;
  readonly site: SiteSelf;
  readonly clock: Clock;
  readonly log: Log;
  /** Time of the site's lease, ms ({@link LIMITS.leaseMs}). */
  readonly leaseMs?: number | undefined;
  /** How often it is renewed, ms, > 0; a third of its time by default. */
  readonly renewMs?: number | undefined;
}

/** Events of a membership. Lists are complete, by name; each comes again after every reconnect. */
export interface MembershipEvents {
  /** The site joined; again only when the session became another. */
  joined(session: SessionRecord): void;
  /** [A44] The session has another link key, and says which sites were put out. */
  rekeyed?(session: SessionRecord): void;
  sites(sites: readonly SiteRecord[]): void;
  channels(channels: readonly ChannelRecord[]): void;
  /** Whether the directory can be reached. While it cannot, what was known holds. */
  status(status: DirectoryStatus): void;
  /**
   * The site's lease certainly holds until `untilMs`, in the time of `Clock.now()`: until then the leader gives what
   * this site has to no other site. Called after each join and each renewal, and with the present time when the lease
   * turns out to be lost.
   */
  lease?(untilMs: number): void;
  /** What people should know: the name was taken meanwhile. */
  problem?(error: MeanderError): void;
}

/**
 * A site's membership in its session, kept through losses of the directory, the leader and the lease. Runs in browsers.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #events: MembershipEvents;
  readonly #leaseMs: number;
  readonly #renewMs: number;
  readonly #sites: RecordList<SiteRecord>;
  readonly #channels: SessionChannels;
  #undo: (() => void)[] = [];
  #self: SiteSelf;
  #session: SessionRecord | undefined;
  /** Undefined while the site has to join (again). */
  #lease: Lease | undefined;
  #connected = false;
  #stopped = false;
  #lastProblem = "";
  #cancelTimer: Cancel | undefined;
  #work: Promise<void> | undefined;

  constructor(options: MembershipOptions, events: MembershipEvents) {
    const { site, directory, log, leaseMs = LIMITS.leaseMs, renewMs = leaseMs / 3 } = options;
    assert(renewMs > 0, "a lease is renewed now and then, not all the time");
    this.#options = options;
    this.#self = site;
    this.#events = events;
    this.#leaseMs = leaseMs;
    this.#renewMs = renewMs;
    this.#sites = new RecordList({
      schema: siteRecordSchema,
      log,
      onList: (sites) => this.#sitesChanged(sites),
    });
    this.#channels = new SessionChannels({
      directory,
      site: site.name,
      log,
      onList: (channels) => this.#events.channels(channels),
    });
  }

  /** The latest list of sites, by name. */
  get sites(): readonly SiteRecord[] {
    return this.#sites.all;
  }

  /** The latest list of channels, by name. */
  get channels(): readonly ChannelRecord[] {
    return this.#channels.all;
  }

  /**
   * Joins; events come from now on, the lists before it settles.
   *
   * @throws {MeanderError} `site-name-taken`, `directory-unreachable`, and other errors of the directory and the leader
   */
  async start(): Promise<SessionRecord> {
    const { directory } = this.#options;
    try {
      this.#undo.push(directory.onStatus((status) => this.#statusChanged(status)));
      const session = await this.#join();
      await this.#watch("sites/", (change) => this.#sites.take(change));
      await this.#watch("channels/", (change) => this.#channels.take(change));
      await this.#watch("session", (change) => this.#sessionChanged(change));
      this.#schedule(this.#renewMs);
      return session;
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  /**
   * The channel of that name, created if it does not exist.
   *
   * @param options ingest: this site ingests it, which the other sites learn
   * @throws {MeanderError} `channel-invalid`; `directory-unreachable` for a channel that was not known before
   */
  openChannel(name: string, options: { ingest?: boolean } = {}): Promise<ChannelRecord> {
    return this.#channels.open(name, options, this.#connected);
  }

  /** What the directory has of a channel now. @throws {MeanderError} `channel-invalid`, `directory-unreachable` */
  lookUp(name: string): Promise<ChannelRecord | undefined> {
    return this.#channels.lookUp(name);
  }

  /**
   * Removes a channel from the session, as its leader; or, with `ingest`, this site from those that ingest it.
   *
   * @throws {MeanderError} `channel-invalid`, `channel-unknown`, `request-denied`, `directory-unreachable`
   */
  closeChannel(name: string, options: { ingest?: boolean } = {}): Promise<void> {
    return this.#channels.close(name, options);
  }

  /** The site's own record has changed; it is published as soon as possible. */
  announce(site: SiteSelf): void {
    this.#self = site;
    const joinAgain = (): void => {
      // Joining writes the record again.
      this.#lease = undefined;
      this.#keep();
    };
    if (this.#work === undefined) joinAgain();
    else void this.#work.then(joinAgain);
  }

  /** Leaves the session and stops. When the directory cannot be reached, the others notice when the lease expires. */
  async leave(): Promise<void> {
    if (this.#stopped) return;
    const reachable = this.#connected;
    this.stop();
    if (!reachable) return;
    await this.#work;
    const { directory, site, log } = this.#options;
    const lease = this.#lease;
    try {
      if (this.#session !== undefined) {
        await directory.request("leave", { name: site.name, instance: site.instance });
      }
      if (lease !== undefined) await directory.revokeLease(lease);
    } catch (error) {
      log.warn("The site left without telling the leader.", { error: messageOf(error) });
    }
  }

  /** Stops at once, without a word: to the others it looks like a crash. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    for (const undo of this.#undo.splice(0)) undo();
  }

  async #watch(prefix: string, listener: (change: Change) => void): Promise<void> {
    const undo = await this.#options.directory.watch(prefix, listener);
    if (this.#stopped) undo();
    else this.#undo.push(undo);
  }

  async #join(): Promise<SessionRecord> {
    const { directory, clock } = this.#options;
    const askedAt = clock.now();
    const lease = await directory.grantLease(this.#leaseMs);
    const payload = { site: this.#self, lease: lease.id } as unknown as Json;
    let session: SessionRecord;
    try {
      session = readAnswer(sessionRecordSchema, "join", await directory.request("join", payload));
    } catch (error) {
      directory.revokeLease(lease).catch(() => {
        // It runs out by itself.
      });
      throw error;
    }
    this.#holds(lease, askedAt);
    this.#noteSession(session);
    return session;
  }

  #sessionChanged(change: Change): void {
    if (change.type !== "put" || change.entry.key !== "session") return;
    const session = sessionRecordSchema.safeParse(change.entry.value).data;
    if (session !== undefined) this.#noteSession(session);
    else this.#options.log.error("The session's record is not valid.");
  }

  #noteSession(session: SessionRecord): void {
    const { log } = this.#options;
    const before = this.#session;
    if (this.#stopped || JSON.stringify(session) === JSON.stringify(before)) return;
    this.#session = session;
    if (before?.createdAt === session.createdAt && before.name === session.name) {
      log.info("The session has another link key.", { expelled: session.expelled?.length ?? 0 });
      this.#events.rekeyed?.(session);
    } else {
      log.info("The site joined the session.", { session: session.name });
      this.#events.joined(session);
    }
  }

  /** Renews the lease, or joins again without one; one at a time. */
  #keep(): void {
    if (this.#stopped || this.#work !== undefined || this.#session === undefined) return;
    this.#cancelTimer?.();
    this.#work = this.#keepOnce().then((delayMs) => {
      this.#work = undefined;
      if (!this.#stopped) this.#schedule(delayMs);
    });
  }

  /** How long to wait for the next time, ms. */
  async #keepOnce(): Promise<number> {
    try {
      if (this.#lease === undefined) await this.#join();
      else await this.#renew(this.#lease);
      await this.#channels.announce();
      this.#lastProblem = "";
      // The watch may have reported in the meantime that the site is no longer listed.
      return this.#lease === undefined ? LIMITS.reconnectMsMin : this.#renewMs;
    } catch (error) {
      const code = error instanceof MeanderError ? error.code : undefined;
      if (code === "directory-lease-gone") {
        this.#lost();
        return LIMITS.reconnectMsMin;
      }
      // The status reports those, and the next connection retries.
      if (isOutage(error)) return Math.min(LIMITS.reconnectMsMax, this.#renewMs);
      this.#problem(error);
      return this.#renewMs;
    }
  }

  async #renew(lease: Lease): Promise<void> {
    const askedAt = this.#options.clock.now();
    await this.#options.directory.renewLease(lease);
    // The watch may have reported in the meantime that the site is no longer listed.
    if (this.#lease === lease) this.#holds(lease, askedAt);
  }

  /** The directory counts from when it was asked, or later, by another clock: it may be too fast, and ours too slow. */
  #holds(lease: Lease, askedAt: number): void {
    this.#lease = lease;
    const heldMs = this.#leaseMs * (1 - (2 * LIMITS.clockDriftPpmMax) / 1e6);
    if (!this.#stopped) this.#events.lease?.(askedAt + heldMs);
  }

  #lost(): void {
    this.#lease = undefined;
    if (!this.#stopped) this.#events.lease?.(this.#options.clock.now());
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after("membership", delayMs, () => this.#keep());
  }

  #statusChanged(status: DirectoryStatus): void {
    const was = this.#connected;
    this.#connected = status.type === "connected";
    this.#events.status(status);
    // The time without a connection may have cost the lease.
    if (this.#connected && !was) this.#keep();
  }

  #sitesChanged(sites: readonly SiteRecord[]): void {
    this.#events.sites(sites);
    const { name, instance } = this.#options.site;
    const listed = sites.find((site) => site.name === name);
    if (listed?.instance === instance || this.#lease === undefined) return;
    // The key was removed with the lease, or another site has the name now. Joining again repairs the former and
    // reports the latter.
    this.#lost();
    this.#keep();
  }

  #problem(thrown: unknown): void {
    const error =
      thrown instanceof MeanderError
        ? thrown
        : new MeanderError("join-failed", messageOf(thrown), { where: "session", cause: thrown });
    // A lasting failure repeats with every attempt, and is reported once.
    if (this.#stopped || error.message === this.#lastProblem) return;
    this.#lastProblem = error.message;
    this.#options.log.error("The session needs attention.", {
      code: error.code,
      error: error.message,
    });
    this.#events.problem?.(error);
  }
}
