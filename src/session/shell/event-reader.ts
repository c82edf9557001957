import type { EventFilter, ShellPort, StreamEvent } from "../../agent/define/index.ts";
import { EventBuffer } from "./event-buffer.ts";

/**
 * [S2] Events of a session, read one after the other. At most {@link LIMITS.shellEventsMax} wait for a slow reader;
 * when there are more, an event `missed` comes before the oldest one left, and says how many went.
 */
export class EventReader implements AsyncIterableIterator<StreamEvent>, AsyncDisposable {
  readonly #buffer: EventBuffer;
  readonly #waiting: {
    resolve(result: IteratorResult<StreamEvent>): void;
    reject(error: unknown): void;
  }[] = [];
  #undo: (() => void) | undefined;
  #error: unknown;

  /** Listens at once. */
  constructor(port: ShellPort, filter: EventFilter, signal: AbortSignal | undefined) {
    this.#buffer = new EventBuffer({ site: port.site, stream: filter.stream });
    if (signal?.aborted === true) return;
    const undo = port.onEvent(filter, (event) => this.#tell(event));
    const onAbort = (): void => this.#end(undefined);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#undo = () => {
      undo();
      signal?.removeEventListener("abort", onAbort);
    };
    void port.closed.then((error) => this.#end(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event; done when the reader, the signal or the shell has ended it. Throws once when the site was lost. */
  next(): Promise<IteratorResult<StreamEvent>> {
    const event = this.#buffer.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#undo !== undefined) {
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    const error = this.#error;
    this.#error = undefined;
    return error === undefined
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(error);
  }

  /** Listens no more. What was not read is forgotten. */
  return(): Promise<IteratorResult<StreamEvent>> {
    this.#end(undefined);
    while (!this.#buffer.isEmpty) this.#buffer.shift();
    return Promise.resolve({ done: true, value: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #tell(event: StreamEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#buffer.push(event);
    else waiting.resolve({ done: false, value: event });
  }

  #end(error: unknown): void {
    if (this.#undo === undefined) return;
    this.#undo();
    this.#undo = undefined;
    this.#error = error;
    for (const waiting of this.#waiting.splice(0)) {
      if (this.#error === undefined) waiting.resolve({ done: true, value: undefined });
      else {
        waiting.reject(this.#error);
        this.#error = undefined;
      }
    }
  }
}
