import type { EventFilter, StreamEvent } from "../agent/index.ts";
import { type Cancel, messageOf } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { packValue } from "../wire/index.ts";
import type { SiteStreams } from "./site-streams.ts";

interface Listener {
  readonly filter: EventFilter;
  readonly tell: (event: StreamEvent) => void;
}

/** Events for another site leave together after this time, ms. */
const BATCH_MS = 10;
/** More than these at once for another site are not told one by one. */
const BATCH_MAX = 1_000;

/** Events of streams, told to the shells of all sites that asked for them: a site hears from others what its own shells want. */
export class EventBoard {
  readonly #site: SiteStreams;
  readonly #listeners = new Set<Listener>();
  /** What other sites want, by instance. */
  readonly #watchers = new Map<
    number,
    { readonly self: SiteInstance; readonly filters: readonly EventFilter[] }
  >();
  readonly #outbox = new Map<number, StreamEvent[]>();
  /** Sites that know what is wanted here. */
  #informed = new Set<number>();
  #cancel: Cancel | undefined;
  #closed = false;

  constructor(site: SiteStreams) {
    this.#site = site;
  }

  /** Tells a listener of events at any site from now on. Undone by the returned function. */
  listen(filter: EventFilter, tell: (event: StreamEvent) => void): () => void {
    const listener = { filter, tell };
    this.#listeners.add(listener);
    this.#inform(true);
    return () => {
      this.#listeners.delete(listener);
      this.#inform(true);
    };
  }

  /** Whether anybody wants such an event. */
  wants(type: StreamEvent["type"], stream: string): boolean {
    for (const { filter } of this.#listeners) if (matches(filter, type, stream)) return true;
    for (const { filters } of this.#watchers.values())
      if (filters.some((filter) => matches(filter, type, stream))) return true;
    return false;
  }

  /** Something happened here. */
  tell(event: StreamEvent): void {
    this.#site.options.onEvent?.(event);
    if (event.type === "output")
      this.#site.options.log.info(event.line, { stream: event.stream, agent: event.agent });
    this.#deliver(event);
    for (const [instance, { filters }] of this.#watchers) {
      if (!filters.some((filter) => matches(filter, event.type, event.stream))) continue;
      const outbox = this.#outbox.get(instance) ?? [];
      this.#outbox.set(instance, outbox);
      if (outbox.length < BATCH_MAX) outbox.push(event);
      else this.#missed(outbox);
      this.#cancel ??= this.#site.options.clock.after("events", BATCH_MS, () => this.#flush());
    }
  }

  /** Another site wants to be told. */
  watchedBy(self: SiteInstance, filters: unknown): void {
    if (!Array.isArray(filters) || filters.length === 0) this.#watchers.delete(self.instance);
    else this.#watchers.set(self.instance, { self, filters: filters as EventFilter[] });
  }

  /** Another site tells what happened there. */
  received(events: unknown): void {
    if (!Array.isArray(events)) return;
    for (const event of events as StreamEvent[]) this.#deliver(event);
  }

  /** Tells all other sites anew what is wanted here. */
  informAgain(): void {
    this.#inform(true);
  }

  /** Others came or went. */
  sitesChanged(): void {
    const instances = new Set(this.#site.sites.map(({ instance }) => instance));
    for (const instance of [...this.#watchers.keys()])
      if (!instances.has(instance)) this.#watchers.delete(instance);
    for (const instance of [...this.#informed])
      if (!instances.has(instance)) this.#informed.delete(instance);
    this.#inform(false);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#listeners.clear();
    this.#watchers.clear();
  }

  #deliver(event: StreamEvent): void {
    for (const { filter, tell } of [...this.#listeners])
      if (matches(filter, event.type, event.stream)) tell(event);
  }

  #missed(outbox: StreamEvent[]): void {
    const last = outbox.at(-1);
    const { clock, self } = this.#site.options;
    if (last?.type === "missed") outbox[outbox.length - 1] = { ...last, count: last.count + 1 };
    else outbox.push({ type: "missed", count: 1, at: clock.wall(), site: self.site, stream: "" });
  }

  /** Tells the other sites what is wanted here. @param again also those that were told before */
  #inform(again: boolean): void {
    if (this.#closed || (this.#listeners.size === 0 && this.#informed.size === 0)) return;
    const { self } = this.#site.options;
    const request = packValue([[...this.#listeners].map(({ filter }) => filter)]);
    if (again) this.#informed = new Set();
    for (const other of this.#site.sites) {
      if (other.instance === self.instance || this.#informed.has(other.instance)) continue;
      this.#informed.add(other.instance);
      this.#request(other, "watch", request);
    }
  }

  #flush(): void {
    this.#cancel = undefined;
    for (const [instance, events] of this.#outbox) {
      const watcher = this.#watchers.get(instance);
      if (watcher !== undefined) this.#request(watcher.self, "events", packValue([events]));
    }
    this.#outbox.clear();
  }

  #request(to: SiteInstance, kind: string, payload: Uint8Array): void {
    this.#site.kernel.request(to, kind, payload).catch((error: unknown) =>
      this.#site.options.log.debug("Events could not be sent.", {
        peer: to.site,
        error: messageOf(error),
      }),
    );
  }
}

function matches(filter: EventFilter, type: StreamEvent["type"], stream: string): boolean {
  if (filter.stream !== undefined && filter.stream !== stream && type !== "missed") return false;
  return filter.types === undefined || type === "missed" || filter.types.includes(type);
}
