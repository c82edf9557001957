import type { Log } from "../base/index.ts";
import type { Change } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import type { SiteRecord } from "./model.ts";
import { siteRecordSchema } from "./records.ts";

/** How the membership of a session changed. */
export type SiteEvent = "joined" | "left" | "failed";

/** What a {@link SiteRoster} needs. */
export interface SiteRosterOptions {
  /** The leading site: always a member, as no other start of it is. */
  readonly self: SiteInstance;
  readonly log: Log;
  /** Not for those that were there at the start. */
  onEvent(event: SiteEvent, member: SiteInstance): void;
}

/** The members of the session, maintained by the watch of `sites/`. */
export class SiteRoster {
  readonly #options: SiteRosterOptions;
  readonly #records = new Map<string, SiteRecord>();
  /** Instances that have said that they leave. */
  readonly #leaving = new Set<number>();
  #synced = false;

  constructor(options: SiteRosterOptions) {
    this.#options = options;
  }

  /** What the directory has, by name: the leader among them once it has joined. */
  get records(): readonly SiteRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Names of all members, in order. */
  get names(): readonly string[] {
    return [...new Set([...this.#records.keys(), this.#options.self.site])].sort();
  }

  /** The running instance of a site; undefined when it is not a member. */
  instanceOf(site: string): SiteInstance | undefined {
    if (site === this.#options.self.site) return this.#options.self;
    const record = this.#records.get(site);
    return record === undefined ? undefined : { site, instance: record.instance };
  }

  /** Whether this very start of a site is a member. */
  has({ site, instance }: SiteInstance): boolean {
    return this.instanceOf(site)?.instance === instance;
  }

  /** That instance is about to leave in order. */
  noteLeaving({ instance }: SiteInstance): void {
    this.#leaving.add(instance);
  }

  /** Applies a change of the watch of `sites/`. */
  take(change: Change): void {
    if (change.type === "synced") this.#synced = true;
    else if (change.type === "deleted") this.#set(change.key.slice("sites/".length), undefined);
    else {
      const record = siteRecordSchema.safeParse(change.entry.value).data;
      if (record === undefined) {
        this.#options.log.warn("A site's record is not valid.", { key: change.entry.key });
      }
      this.#set(change.entry.key.slice("sites/".length), record);
    }
  }

  #set(site: string, record: SiteRecord | undefined): void {
    const before = this.#records.get(site);
    if (record === undefined) this.#records.delete(site);
    else this.#records.set(site, record);
    if (before?.instance === record?.instance) return;
    if (before !== undefined) {
      const left = this.#leaving.delete(before.instance);
      this.#tell(left ? "left" : "failed", { site, instance: before.instance });
    }
    if (record !== undefined) this.#tell("joined", { site, instance: record.instance });
  }

  #tell(event: SiteEvent, member: SiteInstance): void {
    if (this.#synced) this.#options.onEvent(event, member);
  }
}
