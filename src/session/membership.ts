import { type Cancel, type Clock, every, LIMITS, type Log, messageOf } from "../base/index.ts";
import type { Change, Directory, DirectoryStatus, Json, Lease } from "../directory/index.ts";
import {
  type ChannelRecord,
  type RouteConfig,
  routeConfigSchema,
  type SessionRecord,
  type SiteRecord,
} from "./model.ts";
import { channelRecordSchema, siteRecordSchema } from "./records.ts";

/** What a member learns. Lists are whole, by name; they stay as they were while the directory is gone. */
export interface MembershipEvents {
  /** Let in by the leader: at the start, and again after the lease had run out. */
  joined(session: SessionRecord): void;
  sites(sites: readonly SiteRecord[]): void;
  channels(channels: readonly ChannelRecord[]): void;
  /** This site's configuration was set or changed; never one that is not valid. */
  config(config: RouteConfig): void;
  status(status: DirectoryStatus): void;
}

export interface MembershipOptions {
  readonly directory: Directory;
  readonly site: SiteRecord;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * One site's part in its session: joins, keeps its lease, joins again by itself after a loss, and keeps up with who else is
 * there. The directory may go at any time; nothing here waits for it but those who ask for something new.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #events: MembershipEvents;
  readonly #sites = new Map<string, SiteRecord>();
  readonly #channels = new Map<string, ChannelRecord>();
  readonly #undo: (() => void)[] = [];
  #session: SessionRecord | undefined;
  #lease: Lease | undefined;
  #renewing = false;
  #left = false;
  #cancelRenewal: Cancel = () => {};

  constructor(options: MembershipOptions, events: MembershipEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** The session, once joined. */
  get session(): SessionRecord | undefined {
    return this.#session;
  }

  /** Sites known last, by name. */
  get sites(): readonly SiteRecord[] {
    return sorted(this.#sites);
  }

  /** Channels known last, by name. */
  get channels(): readonly ChannelRecord[] {
    return sorted(this.#channels);
  }

  /**
   * Joins and begins to watch.
   *
   * @throws {MeanderError} `site-name-taken`, `directory-unreachable`, or what else the leader answers
   */
  async start(): Promise<SessionRecord> {
    const { directory, site, clock } = this.#options;
    const events = this.#events;
    const session = await this.#join();
    this.#undo.push(
      await directory.watch("sites/", (change) => {
        if (apply(this.#sites, "sites/", change, siteRecordSchema)) events.sites(this.sites);
      }),
      await directory.watch("channels/", (change) => {
        if (apply(this.#channels, "channels/", change, channelRecordSchema)) {
          events.channels(this.channels);
        }
      }),
      await directory.watch(`config/${site.name}`, (change) => this.#configured(change)),
      directory.onStatus((status) => {
        events.status(status);
        if (status.type === "connected") void this.#renew();
      }),
    );
    this.#cancelRenewal = every(clock, "renew lease", LIMITS.leaseMs / 3, () => void this.#renew());
    return session;
  }

  /** The record of a channel; from memory while the directory is gone. Undefined: the session does not know it. */
  async lookUp(name: string): Promise<ChannelRecord | undefined> {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const entry = await this.#options.directory.get(`channels/${name}`);
    return channelRecordSchema.safeParse(entry?.value).data;
  }

  /**
   * A channel's record, made if need be. With `ingest` this site is among its ingests from now on.
   *
   * @throws {MeanderError} `directory-unreachable` when it is not known here and the leader can not be asked
   */
  async openChannel(
    name: string,
    { ingest }: { readonly ingest: boolean } = { ingest: false },
  ): Promise<ChannelRecord> {
    const { directory, site, log } = this.#options;
    const known = this.#channels.get(name);
    const request = ingest ? { name, ingest: site.name } : { name };
    if (known !== undefined && (!ingest || known.ingests.includes(site.name))) return known;
    try {
      return channelRecordSchema.parse(await directory.request("open-channel", request));
    } catch (error) {
      if (known === undefined) throw error;
      log.warn("the leader could not be told", { channel: name, error: messageOf(error) });
      return known;
    }
  }

  /** This site does not ingest the channel any more; one without ingests is forgotten. */
  async closeChannel(name: string): Promise<void> {
    await this.#options.directory.request("close-channel", {
      name,
      ingest: this.#options.site.name,
    });
  }

  /** Forgets a channel altogether. */
  async removeChannel(name: string): Promise<void> {
    await this.#options.directory.request("close-channel", { name });
  }

  /** Writes this site's configuration (valid already); every reader, this site too, gets it by its watch. */
  async setConfig(config: RouteConfig): Promise<void> {
    await this.#options.directory.put(
      `config/${this.#options.site.name}`,
      config as unknown as Json,
    );
  }

  /** Leaves: the others see it go at once. */
  async leave(): Promise<void> {
    if (this.#left) return;
    const { directory, site, log } = this.#options;
    this.stop();
    try {
      await directory.request("leave", { name: site.name, instance: site.instance });
      if (this.#lease !== undefined) await directory.revokeLease(this.#lease);
    } catch (error) {
      log.info("left without the directory's knowing", { error: messageOf(error) });
    }
  }

  /** Stops watching and renewing, without a word. */
  stop(): void {
    this.#left = true;
    this.#cancelRenewal();
    for (const undo of this.#undo.splice(0)) undo();
  }

  async #join(): Promise<SessionRecord> {
    const { directory, site } = this.#options;
    const record = site as unknown as Json;
    this.#session = (await directory.request("join", { site: record })) as unknown as SessionRecord;
    const lease = await directory.grantLease(LIMITS.leaseMs);
    await directory.put(`sites/${site.name}`, record, { lease });
    this.#lease = lease;
    this.#events.joined(this.#session);
    return this.#session;
  }

  async #renew(): Promise<void> {
    const { directory, log, site } = this.#options;
    if (this.#renewing || this.#left) return;
    this.#renewing = true;
    try {
      if (this.#lease === undefined) await this.#join();
      else await directory.renewLease(this.#lease);
      const entry = await directory.get(`sites/${site.name}`);
      const there = (entry?.value as unknown as SiteRecord | undefined)?.instance;
      if (there !== site.instance && !this.#left) await this.#join();
    } catch (error) {
      const gone = (error as { code?: string }).code === "directory-lease-gone";
      if (gone) this.#lease = undefined;
      log.debug("lease was not renewed", { error: messageOf(error) });
    } finally {
      this.#renewing = false;
    }
    if (this.#lease === undefined && !this.#left) await this.#rejoin();
  }

  async #rejoin(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#join();
      log.info("joined again after the lease had run out");
    } catch (error) {
      log.warn("could not join again", { error: messageOf(error) });
    }
  }

  #configured(change: Change): void {
    const { site, log } = this.#options;
    if (change.type !== "put" || change.entry.key !== `config/${site.name}`) return;
    const parsed = routeConfigSchema.safeParse(change.entry.value);
    if (parsed.success) {
      this.#events.config(parsed.data);
      return;
    }
    const issue = parsed.error.issues[0];
    log.error("the configuration in the directory is not valid; the last good one stays", {
      where: issue?.path.join("."),
      expected: issue?.message,
    });
  }
}

/** Applies a change to a list; true when the list is to be told. */
function apply<T extends { readonly name: string }>(
  list: Map<string, T>,
  prefix: string,
  change: Change,
  schema: { safeParse(value: unknown): { readonly data?: T | undefined } },
): boolean {
  switch (change.type) {
    case "put": {
      const { data } = schema.safeParse(change.entry.value);
      if (data === undefined) return false;
      list.set(change.entry.key.slice(prefix.length), data);
      return true;
    }
    case "deleted":
      return list.delete(change.key.slice(prefix.length));
    case "synced":
      return true;
  }
}

function sorted<T extends { readonly name: string }>(list: ReadonlyMap<string, T>): T[] {
  return [...list.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
