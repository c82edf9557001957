import type { Log, MeanderError } from "../../base/index.ts";
import type { SiteInstance } from "../../stream/index.ts";
import { runHandler } from "../call-handler.ts";
import type { Json } from "../directory.ts";
import type { CallHandler } from "../site-calls.ts";
import type { SiteRegistration, SiteRegistry } from "../site-registry.ts";

interface Served {
  readonly place: SiteInstance;
  readonly registration: SiteRegistration;
  handler: CallHandler;
  /** The newest call of `serve` that set the handler. */
  turn: object;
}

/** [D21] The leader's calls to the site in its own process: the same as those over a connection, in microtasks. */
export class LocalCalls {
  readonly #sites: SiteRegistry;
  readonly #log: Log;
  #served: Served | undefined;

  constructor(sites: SiteRegistry, log: Log) {
    this.#sites = sites;
    this.#log = log;
  }

  /** Sets the handler; replaces an earlier one. Returns a function that removes it. */
  serve(place: SiteInstance, handler: CallHandler): () => void {
    const turn = {};
    const before = this.#served;
    if (before?.place.site === place.site && before.place.instance === place.instance) {
      before.handler = handler;
      before.turn = turn;
    } else {
      this.#end(before);
      const registration = this.#sites.register(place, (id, payload) => {
        // In a later microtask, so that the caller continues first, as it does when the site is elsewhere.
        void Promise.resolve().then(() => this.#answer(registration, id, payload));
      });
      this.#served = { place, registration, handler, turn };
    }
    return () => {
      if (this.#served?.turn === turn) this.#end(this.#served);
    };
  }

  #end(served: Served | undefined): void {
    this.#served = undefined;
    served?.registration.end("gone");
  }

  async #answer(registration: SiteRegistration, id: number, payload: Json): Promise<void> {
    const served = this.#served;
    // Otherwise the call has failed already.
    if (served?.registration !== registration) return;
    try {
      registration.answered(id, await runHandler(served.handler, payload, this.#log));
    } catch (error) {
      // `runHandler` throws nothing else.
      registration.refused(id, error as MeanderError);
    }
  }
}
