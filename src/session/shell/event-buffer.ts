import type { StreamEvent } from "../../agent/define/index.ts";
import { BoundedQueue, LIMITS } from "../../base/index.ts";

/**
 * [S2] Events for one reader, in order. When the reader is slower than they come, the oldest go, and an event `missed`
 * tells how many.
 */
export class EventBuffer {
  readonly #events: BoundedQueue<StreamEvent>;
  readonly #site: string;
  readonly #stream: string;
  #missed = 0;
  #missedAt = 0;

  /** @param site who tells of missed ones @param stream the only one that the reader asked for; else empty */
  constructor({
    site,
    stream = "",
    most = LIMITS.shellEventsMax,
  }: {
    readonly site: string;
    readonly stream?: string | undefined;
    readonly most?: number;
  }) {
    this.#site = site;
    this.#stream = stream;
    this.#events = new BoundedQueue(most);
  }

  get isEmpty(): boolean {
    return this.#events.count === 0 && this.#missed === 0;
  }

  push(event: StreamEvent): void {
    if (this.#events.push(event)) return;
    const oldest = this.#events.shift();
    if (oldest !== undefined) this.miss(oldest);
    this.#events.push(event);
  }

  /** Counts an event that can not be told. */
  miss(event: StreamEvent): void {
    this.#missed += event.type === "missed" ? event.count : 1;
    this.#missedAt = event.at;
  }

  /** The next one; undefined when there is none. */
  shift(): StreamEvent | undefined {
    if (this.#missed === 0) return this.#events.shift();
    const count = this.#missed;
    this.#missed = 0;
    return { type: "missed", at: this.#missedAt, site: this.#site, stream: this.#stream, count };
  }
}
