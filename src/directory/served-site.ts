import { type Counters, unreachable } from "../base/index.ts";
import type { ServerMessage, ServingMessage } from "./messages.ts";
import type { SiteRegistration, SiteRegistry } from "./site-registry.ts";
import { decodeError } from "./wire-error.ts";

/** [D21] The site behind one connection, as far as it takes the leader's calls. */
export class ServedSite {
  readonly #sites: SiteRegistry;
  readonly #counts: Counters;
  readonly #send: (message: ServerMessage) => void;
  #registration: SiteRegistration | undefined;
  #ended = false;

  /**
   * @param counts gets `unasked`
   * @param send sends over the connection
   */
  constructor(sites: SiteRegistry, counts: Counters, send: (message: ServerMessage) => void) {
    this.#sites = sites;
    this.#counts = counts;
    this.#send = send;
  }

  /** Takes what the site said. False when it may not say that now. */
  take(message: ServingMessage): boolean {
    switch (message.type) {
      case "serve":
        return this.#serve(message.site, message.instance);
      case "unserve":
        this.#registration?.end("gone");
        this.#registration = undefined;
        return true;
      case "called":
        this.#settled(this.#registration?.answered(message.id, message.result));
        return true;
      case "call-refused":
        this.#settled(this.#registration?.refused(message.id, decodeError(message.error)));
        return true;
      default:
        return unreachable(message);
    }
  }

  /** The connection has ended, or the directory closes it with all others. */
  end(why: "gone" | "closing"): void {
    this.#ended = true;
    this.#registration?.end(why);
  }

  #serve(site: string, instance: number): boolean {
    if (this.#registration !== undefined) return false;
    const registration = this.#sites.register({ site, instance }, (id, payload) =>
      this.#send({ type: "call", id, payload }),
    );
    this.#registration = registration;
    // A listener that was informed of the site may have closed its connection.
    if (this.#ended) registration.end("gone");
    return true;
  }

  /** An answer without a waiting call, such as a late one, is counted. */
  #settled(waited: boolean | undefined): void {
    if (waited !== true) this.#counts.add("unasked");
  }
}

/** Whether a message is about the leader's calls. */
export function isServing(message: { readonly type: string }): message is ServingMessage {
  return SERVING.includes(message.type);
}

const SERVING: readonly string[] = [
  "serve",
  "unserve",
  "called",
  "call-refused",
] satisfies ServingMessage["type"][];
