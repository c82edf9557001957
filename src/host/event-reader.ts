import type { StreamEvent } from "../agent/index.ts";
import { LIMITS } from "../base/index.ts";

/** Whether one may read an event; a promise: a policy is being asked. */
export type MayRead = (event: StreamEvent) => boolean | Promise<boolean>;

/**
 * Hands on the events that one may read, in their order: while a policy judges about one, those behind it wait. What is
 * too much is only counted, as `missed`.
 */
export class EventReader {
  readonly #mayRead: MayRead;
  readonly #receive: (event: StreamEvent) => void;
  #waiting: StreamEvent[] = [];
  #missed = 0;
  #isJudging = false;

  constructor(mayRead: MayRead, receive: (event: StreamEvent) => void) {
    this.#mayRead = mayRead;
    this.#receive = receive;
  }

  take(event: StreamEvent): void {
    if (this.#isJudging) {
      if (this.#waiting.length < LIMITS.eventsHeldMax) this.#waiting.push(event);
      else this.#missed++;
      return;
    }
    const mayRead = this.#mayRead(event);
    if (mayRead === true) this.#receive(event);
    else if (mayRead !== false) void this.#judged(event, mayRead);
  }

  async #judged(event: StreamEvent, verdict: Promise<boolean>): Promise<void> {
    this.#isJudging = true;
    if (await verdict) this.#receive(event);
    this.#isJudging = false;
    const waiting = this.#waiting;
    const count = this.#missed;
    this.#waiting = [];
    this.#missed = 0;
    for (const each of waiting) this.take(each);
    const { at, site } = event;
    if (count > 0) this.take({ type: "missed", count, at, site, stream: "" });
  }
}
