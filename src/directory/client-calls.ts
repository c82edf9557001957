import { LIMITS, type Log, MeanderError } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { runHandler } from "./call-handler.ts";
import type { Json } from "./directory.ts";
import type { ClientMessage } from "./messages.ts";
import type { CallHandler } from "./site-calls.ts";
import { encodeError } from "./wire-error.ts";

interface Served {
  readonly place: SiteInstance;
  readonly handler: CallHandler;
}

/** [D21] The leader's calls to the site of a directory client: says again on each connection who answers them. */
export class ClientCalls {
  readonly #log: Log;
  readonly #send: (message: ClientMessage) => void;
  #served: Served | undefined;
  /** The current connection. An answer is sent only over the connection that its call came over. */
  #connection: object | undefined;
  #running = 0;

  /** @param send sends over the connection there is */
  constructor(log: Log, send: (message: ClientMessage) => void) {
    this.#log = log;
    this.#send = send;
  }

  /** Sets the handler; replaces an earlier one. Returns a function that removes it. */
  serve(place: SiteInstance, handler: CallHandler): () => void {
    const before = this.#served?.place;
    const served = { place, handler };
    this.#served = served;
    if (before?.site !== place.site || before.instance !== place.instance) {
      if (before !== undefined) this.#send({ type: "unserve" });
      this.#announce(place);
    }
    return () => {
      if (this.#served !== served) return;
      this.#served = undefined;
      this.#send({ type: "unserve" });
    };
  }

  /** There is a connection. */
  up(): void {
    this.#connection = {};
    if (this.#served !== undefined) this.#announce(this.#served.place);
  }

  /** The connection is gone. */
  down(): void {
    this.#connection = undefined;
  }

  /** Takes a call. */
  take(id: number, payload: Json): void {
    void this.#answer(id, payload);
  }

  #announce({ site, instance }: SiteInstance): void {
    this.#send({ type: "serve", site, instance });
  }

  async #answer(id: number, payload: Json): Promise<void> {
    const connection = this.#connection;
    const message = await this.#outcome(id, payload);
    if (this.#connection === connection) this.#send(message);
  }

  async #outcome(id: number, payload: Json): Promise<ClientMessage> {
    this.#running++;
    try {
      if (this.#served === undefined) throw refusal("site-gone", "the site takes no calls");
      if (this.#running > LIMITS.directoryCallsMax) {
        throw refusal("directory-busy", `${LIMITS.directoryCallsMax} calls are under way`);
      }
      const result = await runHandler(this.#served.handler, payload, this.#log);
      return { type: "called", id, result };
    } catch (error) {
      // `runHandler` throws nothing else.
      return { type: "call-refused", id, error: encodeError(error as MeanderError) };
    } finally {
      this.#running--;
    }
  }
}

function refusal(code: "site-gone" | "directory-busy", what: string): MeanderError {
  return new MeanderError(code, what, { where: "site" });
}
