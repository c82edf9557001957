import type { Clock } from "../../base/index.ts";
import type { Directory, Json } from "../../directory/index.ts";
import type { EndpointId, RecordStore } from "../../stream/index.ts";

/** A site's thread, as far as its steps take virtual time: one step after the other. */
export class SiteThread {
  readonly #clock: Clock;
  #freeAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a step that takes so long, ms, can be done now and be over. */
  isIdle(ms: number): boolean {
    return ms === 0 && this.#freeAt <= this.#clock.now();
  }

  /** Does `task` once the steps before it, and this one's time, are over; now, when none takes any. @param ms >= 0 */
  run(step: string, ms: number, task: () => void): void {
    if (this.isIdle(ms)) task();
    else {
      const now = this.#clock.now();
      this.#freeAt = Math.max(this.#freeAt, now) + ms;
      this.#clock.after(step, this.#freeAt - now, task);
    }
  }
}

/**
 * A directory by which the leader's commands to a site take that site's time; its signs of life take none. @param wait
 * ends when a command may begin
 */
export function timedDirectory(directory: Directory, wait: () => Promise<void>): Directory {
  const serve: Directory["serve"] = (siteInstance, handler) =>
    directory.serve(siteInstance, async (payload) => {
      if (!isPing(payload)) await wait();
      return handler(payload);
    });
  return new Proxy(directory, {
    get: (target, name) => {
      if (name === "serve") return serve;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function isPing(payload: Json): boolean {
  return (
    typeof payload === "object" && payload !== null && "type" in payload && payload.type === "ping"
  );
}

/** A store whose writes take virtual time. Those of a process that dies meanwhile are never made. */
export class TimedRecordStore implements RecordStore {
  readonly #inner: RecordStore;
  readonly #wait: () => Promise<void>;

  /** @param wait the time of one write */
  constructor(inner: RecordStore, wait: () => Promise<void>) {
    this.#inner = inner;
    this.#wait = wait;
  }

  get(stream: EndpointId): Promise<Uint8Array | undefined> {
    return this.#inner.get(stream);
  }

  async put(records: Parameters<RecordStore["put"]>[0]): Promise<void> {
    await this.#wait();
    await this.#inner.put(records);
  }

  async delete(stream: EndpointId): Promise<void> {
    await this.#wait();
    await this.#inner.delete(stream);
  }
}
