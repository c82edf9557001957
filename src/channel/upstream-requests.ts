import { LIMITS } from "../base/index.ts";
import type { SourcePoint } from "../wire/index.ts";
import { type Alternative, forgetSubscription } from "./alternative.ts";

/**
 * Keeps the subscriptions of one channel at its alternatives as they should be, and repeats unanswered requests. [W41]
 */
export class UpstreamRequests {
  readonly #channel: string;
  #last: number;

  /**
   * @param channel name
   * @param now ms: requests are numbered from there on, so that those of an earlier receiver have lower numbers
   */
  constructor(channel: string, now: number) {
    this.#channel = channel;
    this.#last = Math.floor(now) >>> 0;
  }

  /** Whether a subscription has to be requested, for the first time or again. @param now ms */
  isDue(each: Alternative, forward: boolean, now: number): boolean {
    if (each.peer?.state !== "open" || each.barredUntil > now) return false;
    const { asked, confirmed } = each;
    if (asked?.forward !== forward) return true;
    return confirmed !== forward && now - asked.at >= LIMITS.requestRetryMs;
  }

  /**
   * Requests a subscription. Call it when {@link isDue}.
   *
   * @param resume where to continue, for each source; empty: from the newest key frame
   */
  subscribe(
    each: Alternative,
    forward: boolean,
    resume: readonly SourcePoint[],
    now: number,
  ): void {
    if (each.asked?.forward !== forward) {
      each.asked = { request: this.#next(), forward, at: now };
      each.confirmed = undefined;
    } else each.asked.at = now;
    each.peer?.sendControl({
      type: "subscribe",
      request: each.asked.request,
      channel: this.#channel,
      forward,
      resume: resume.slice(0, LIMITS.sourcesMax),
    });
  }

  /** Ends the subscription at an alternative, if there is one. */
  unsubscribe(each: Alternative): void {
    if (each.peer?.state === "open" && each.id !== undefined) {
      each.peer.sendControl({ type: "unsubscribe", request: this.#next(), id: each.id });
    }
    forgetSubscription(each);
  }

  #next(): number {
    this.#last = (this.#last + 1) >>> 0;
    return this.#last;
  }
}
