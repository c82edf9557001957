import type { Log } from "../base/index.ts";
import type { Change } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { authorOfStream } from "./authorship.ts";
import { streamRecordSchema } from "./stream-record-schema.ts";

/** Where each stream is, according to the watch of `streams/`. Decisions read the record itself. */
export interface IndexedStream extends SiteInstance {
  readonly name: string;
  readonly id: number;
  readonly streamEpoch: number;
  readonly move: string | undefined;
  readonly status: "live" | "lost";
  /** The principal that created it. */
  readonly owner: string;
  /** [A71] Who wrote all its code; undefined: there is no such author. */
  readonly author: string | undefined;
  /** Whether a commit of an earlier host is refused, so that it can be replaced before its lease has run out. */
  readonly fenced: boolean;
}

/** All streams of the session by name, id and place. */
export class StreamIndex {
  readonly #log: Log;
  readonly #byName = new Map<string, IndexedStream>();
  readonly #byId = new Map<number, IndexedStream>();
  readonly #byInstance = new Map<
    string,
    { readonly instance: SiteInstance; readonly names: Set<string> }
  >();
  readonly #lost = new Set<string>();
  /** How many streams a principal has, with those that are being made. */
  readonly #owned = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  get count(): number {
    return this.#byName.size;
  }

  /** Names of streams that wait for a takeover. */
  get lost(): readonly string[] {
    return [...this.#lost];
  }

  /** How many streams a principal has created that are there, or {@link making}. */
  ownedBy(owner: string): number {
    return this.#owned.get(owner) ?? 0;
  }

  /** Counts a stream among those of a principal while it is being made. @returns its end */
  making(owner: string): () => void {
    this.#count(owner, 1);
    return () => this.#count(owner, -1);
  }

  /** The starts of sites that have streams. */
  get instances(): readonly SiteInstance[] {
    return [...this.#byInstance.values()].map(({ instance }) => instance);
  }

  named(name: string): IndexedStream | undefined {
    return this.#byName.get(name);
  }

  withId(id: number): IndexedStream | undefined {
    return this.#byId.get(id);
  }

  /** The streams of one start of a site. */
  at(instance: SiteInstance): readonly IndexedStream[] {
    return this.#entriesOf(this.#byInstance.get(keyOf(instance))?.names ?? []);
  }

  /** The streams of a site, whichever instance of it. */
  ofSite(site: string): readonly IndexedStream[] {
    return this.instances.filter((each) => each.site === site).flatMap((each) => this.at(each));
  }

  /** Applies a change of the watch of `streams/`. */
  take(change: Change): void {
    if (change.type === "synced") return;
    const name = (change.type === "put" ? change.entry.key : change.key).slice("streams/".length);
    this.#remove(name);
    if (change.type === "deleted") return;
    const record = streamRecordSchema.safeParse(change.entry.value).data;
    if (record === undefined || record.name !== name) {
      this.#log.error("A stream's record is not valid.", { key: change.entry.key });
      return;
    }
    const { id, streamEpoch, move, site, instance, status, durability, owner } = record;
    const fenced = durability.type === "message";
    const author = authorOfStream(record.agents);
    this.#add({ name, id, streamEpoch, move, site, instance, status, fenced, owner, author });
  }

  #add(stream: IndexedStream): void {
    const { name, id, site, instance } = stream;
    this.#byName.set(name, stream);
    this.#byId.set(id, stream);
    this.#count(stream.owner, 1);
    if (stream.status === "lost") this.#lost.add(name);
    const key = keyOf(stream);
    const there = this.#byInstance.get(key);
    if (there === undefined) {
      this.#byInstance.set(key, { instance: { site, instance }, names: new Set([name]) });
    } else there.names.add(name);
  }

  #remove(name: string): void {
    const stream = this.#byName.get(name);
    if (stream === undefined) return;
    this.#byName.delete(name);
    this.#count(stream.owner, -1);
    if (this.#byId.get(stream.id) === stream) this.#byId.delete(stream.id);
    this.#lost.delete(name);
    const key = keyOf(stream);
    const there = this.#byInstance.get(key);
    there?.names.delete(name);
    if (there?.names.size === 0) this.#byInstance.delete(key);
  }

  #count(owner: string, change: 1 | -1): void {
    const count = this.ownedBy(owner) + change;
    if (count === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, count);
  }

  #entriesOf(names: Iterable<string>): IndexedStream[] {
    return [...names].flatMap((name) => this.#byName.get(name) ?? []);
  }
}

function keyOf({ site, instance }: SiteInstance): string {
  return `${site}#${instance}`;
}
