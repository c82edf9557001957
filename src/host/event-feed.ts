import type { EventFilter, StreamEvent } from "../agent/index.ts";
import { type Cancel, type Clock, type Log, messageOf } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { packValue } from "../wire/index.ts";
import type { LocalEvent, SiteCalls } from "./ports.ts";
import type { SessionSites } from "./session-sites.ts";

/** What an {@link EventFeed} uses. */
export interface EventFeedPorts {
  readonly sites: Pick<SessionSites, "self" | "all">;
  readonly clock: Clock;
  readonly log: Log;
  readonly calls: SiteCalls;
  /** Called with every event of this site, before any listener. */
  readonly onEvent: ((event: StreamEvent) => void) | undefined;
}

interface Listener {
  readonly filter: EventFilter;
  readonly receive: (event: StreamEvent) => void;
}

/** Another site that subscribed to events of this one. */
interface Watcher {
  readonly siteInstance: SiteInstance;
  readonly filters: readonly EventFilter[];
}

/** Events for another site are sent together after this time, ms. */
const BATCH_MS = 10;
/** Events of one batch; what exceeds it is only counted. */
const BATCH_MAX = 1_000;

/**
 * Events of streams, delivered to the shells of all sites: each site tells the others which events its own shells read.
 */
export class EventFeed {
  readonly #ports: EventFeedPorts;
  readonly #listeners = new Set<Listener>();
  /** By instance. */
  readonly #watchers = new Map<number, Watcher>();
  readonly #outbox = new Map<number, StreamEvent[]>();
  /** Instances that have this site's filters. */
  #informed = new Set<number>();
  #cancel: Cancel | undefined;
  #closed = false;

  constructor(ports: EventFeedPorts) {
    this.#ports = ports;
  }

  /** Calls `receive` with matching events of all sites from now on. Returns an unsubscribe function. */
  listen(filter: EventFilter, receive: (event: StreamEvent) => void): () => void {
    const listener = { filter, receive };
    this.#listeners.add(listener);
    this.#inform({ again: true });
    return () => {
      this.#listeners.delete(listener);
      this.#inform({ again: true });
    };
  }

  /** Whether any listener, here or at another site, matches such an event. */
  wants(type: StreamEvent["type"], stream: string): boolean {
    for (const { filter } of this.#listeners) if (matches(filter, type, stream)) return true;
    for (const { filters } of this.#watchers.values())
      if (filters.some((filter) => matches(filter, type, stream))) return true;
    return false;
  }

  /** Publishes an event of this site that happens now. */
  report(event: LocalEvent): void {
    const { clock, sites } = this.#ports;
    this.publish({ ...event, at: clock.wall(), site: sites.self.site } as StreamEvent);
  }

  /** Publishes an event of this site. */
  publish(event: StreamEvent): void {
    const { onEvent, log, clock } = this.#ports;
    onEvent?.(event);
    if (event.type === "output") log.info(event.line, { stream: event.stream, agent: event.agent });
    this.#deliver(event);
    for (const [instance, { filters }] of this.#watchers) {
      if (!filters.some((filter) => matches(filter, event.type, event.stream))) continue;
      const outbox = this.#outbox.get(instance) ?? [];
      this.#outbox.set(instance, outbox);
      if (outbox.length < BATCH_MAX) outbox.push(event);
      else this.#missed(outbox);
      this.#cancel ??= clock.after("events", BATCH_MS, () => this.#flush());
    }
  }

  /** Another site subscribes; no filters: it unsubscribes. */
  watchedBy(siteInstance: SiteInstance, filters: unknown): void {
    const { instance } = siteInstance;
    if (!Array.isArray(filters) || filters.length === 0) this.#watchers.delete(instance);
    else this.#watchers.set(instance, { siteInstance, filters: filters as EventFilter[] });
  }

  /** Events of another site. */
  received(events: unknown): void {
    if (!Array.isArray(events)) return;
    for (const event of events as StreamEvent[]) this.#deliver(event);
  }

  /** Sends this site's filters to all other sites again, which may have forgotten them. */
  informAgain(): void {
    this.#inform({ again: true });
  }

  /** Sites joined or left. */
  sitesChanged(): void {
    const instances = new Set(this.#ports.sites.all.map(({ instance }) => instance));
    for (const instance of [...this.#watchers.keys()])
      if (!instances.has(instance)) this.#watchers.delete(instance);
    for (const instance of [...this.#informed])
      if (!instances.has(instance)) this.#informed.delete(instance);
    this.#inform({ again: false });
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#listeners.clear();
    this.#watchers.clear();
  }

  #deliver(event: StreamEvent): void {
    for (const { filter, receive } of [...this.#listeners])
      if (matches(filter, event.type, event.stream)) receive(event);
  }

  #missed(outbox: StreamEvent[]): void {
    const last = outbox.at(-1);
    const { clock, sites } = this.#ports;
    if (last?.type === "missed") outbox[outbox.length - 1] = { ...last, count: last.count + 1 };
    else {
      const { site } = sites.self;
      outbox.push({ type: "missed", count: 1, at: clock.wall(), site, stream: "" });
    }
  }

  /** Sends this site's filters to the other sites. @param again also to those that have them */
  #inform({ again }: { readonly again: boolean }): void {
    if (this.#closed || (this.#listeners.size === 0 && this.#informed.size === 0)) return;
    const { self, all } = this.#ports.sites;
    const request = packValue([[...this.#listeners].map(({ filter }) => filter)]);
    if (again) this.#informed = new Set();
    for (const other of all) {
      if (other.instance === self.instance || this.#informed.has(other.instance)) continue;
      this.#informed.add(other.instance);
      this.#request(other, "watch", request);
    }
  }

  #flush(): void {
    this.#cancel = undefined;
    for (const [instance, events] of this.#outbox) {
      const watcher = this.#watchers.get(instance);
      if (watcher !== undefined) this.#request(watcher.siteInstance, "events", packValue([events]));
    }
    this.#outbox.clear();
  }

  #request(to: SiteInstance, kind: string, payload: Uint8Array): void {
    const { calls, log } = this.#ports;
    calls.request(to, kind, payload).catch((error: unknown) =>
      log.debug("Events could not be sent.", {
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
