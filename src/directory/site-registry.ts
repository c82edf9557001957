import { assert, type Cancel, type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { copyOf } from "./call-handler.ts";
import type { Json } from "./directory.ts";
import type { SiteCalls } from "./site-calls.ts";

/** A site's entry in a {@link SiteRegistry}, held by what is connected to the site. */
export interface SiteRegistration {
  /** The site answered the call of that number. False when none waits for it. */
  answered(id: number, result: Json): boolean;
  /** The site refused the call of that number. False when none waits for it. */
  refused(id: number, error: MeanderError): boolean;
  /**
   * The site no longer accepts calls. Idempotent; does nothing when it was replaced. `closing`: the directory is
   * closing, which is not reported.
   */
  end(why: "gone" | "closing"): void;
}

/** Brings a call to a site. Its answer comes through the {@link SiteRegistration}, in a later turn or microtask. */
export type SendCall = (id: number, payload: Json) => void;

/** [D21] The sites that accept calls of the leader, however they are connected. */
export class SiteRegistry implements SiteCalls {
  readonly #clock: Clock;
  readonly #sites = new Map<string, Registration>();
  readonly #onConnected = new Set<(site: string, instance: number) => void>();
  readonly #onGone = new Set<(site: string, instance: number) => void>();
  /** Never used again: an answer that comes late is taken for none of another call. */
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a site. An entry of the same instance is replaced: calls to it fail, and no listener is told that it went. */
  register(place: SiteInstance, send: SendCall): SiteRegistration {
    const key = keyOf(place.site, place.instance);
    const older = this.#sites.get(key);
    const registration = new Registration(place, send, (why) => this.#ended(registration, why));
    this.#sites.set(key, registration);
    older?.fail("a newer connection of the site took over");
    tell(this.#onConnected, place);
    return registration;
  }

  async call(site: string, instance: number, payload: Json, timeoutMs: number): Promise<Json> {
    assert(timeoutMs > 0, "a call has time for its answer");
    const copy = copyOf(`call to site ${site}`, payload);
    const registration = this.#sites.get(keyOf(site, instance));
    if (registration === undefined) throw goneError(site, "the site is not connected");
    return await registration.call(this.#nextId++, copy, this.#clock, timeoutMs);
  }

  connected(site: string, instance: number): boolean {
    return this.#sites.has(keyOf(site, instance));
  }

  onConnected(listener: (site: string, instance: number) => void): () => void {
    this.#onConnected.add(listener);
    return () => void this.#onConnected.delete(listener);
  }

  onGone(listener: (site: string, instance: number) => void): () => void {
    this.#onGone.add(listener);
    return () => void this.#onGone.delete(listener);
  }

  /** Ends all registrations without reporting them. */
  close(): void {
    for (const registration of [...this.#sites.values()]) registration.end("closing");
  }

  #ended(registration: Registration, why: "gone" | "closing"): void {
    const { site, instance } = registration.place;
    const key = keyOf(site, instance);
    if (this.#sites.get(key) !== registration) return;
    this.#sites.delete(key);
    registration.fail("the connection ended before the answer");
    if (why === "gone") tell(this.#onGone, registration.place);
  }
}

interface Waiting {
  readonly resolve: (result: Json) => void;
  readonly reject: (error: MeanderError) => void;
  readonly cancel: Cancel;
}

class Registration implements SiteRegistration {
  readonly place: SiteInstance;
  readonly end: (why: "gone" | "closing") => void;
  readonly #send: SendCall;
  readonly #waiting = new Map<number, Waiting>();

  constructor(place: SiteInstance, send: SendCall, end: (why: "gone" | "closing") => void) {
    this.place = place;
    this.#send = send;
    this.end = end;
  }

  call(id: number, payload: Json, clock: Clock, timeoutMs: number): Promise<Json> {
    const { site } = this.place;
    const most = LIMITS.directoryCallsMax;
    if (this.#waiting.size >= most) {
      const what = `${most} calls to the site wait for their answer`;
      throw new MeanderError("directory-busy", what, { where: `site ${site}` });
    }
    return new Promise((resolve, reject) => {
      const cancel = clock.after(`call to ${site}`, timeoutMs, () => {
        this.#take(id)?.reject(
          new MeanderError(
            "site-timeout",
            `no answer in ${timeoutMs} ms; it may already have taken effect`,
            {
              where: `site ${site}`,
            },
          ),
        );
      });
      this.#waiting.set(id, { resolve, reject, cancel });
      this.#send(id, payload);
    });
  }

  answered(id: number, result: Json): boolean {
    const waiting = this.#take(id);
    waiting?.resolve(result);
    return waiting !== undefined;
  }

  refused(id: number, error: MeanderError): boolean {
    const waiting = this.#take(id);
    waiting?.reject(error);
    return waiting !== undefined;
  }

  /** Fails all calls that wait. */
  fail(reason: string): void {
    const error = goneError(this.place.site, `${reason}; it may already have taken effect`);
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    waiting?.cancel();
    this.#waiting.delete(id);
    return waiting;
  }
}

function keyOf(site: string, instance: number): string {
  return `${site}/${instance}`;
}

function tell(
  listeners: ReadonlySet<(site: string, instance: number) => void>,
  { site, instance }: SiteInstance,
): void {
  for (const listener of [...listeners]) listener(site, instance);
}

function goneError(site: string, what: string): MeanderError {
  return new MeanderError("site-gone", what, { where: `site ${site.slice(0, 200)}` });
}
