import type { EndpointId, SiteInstance } from "./model.ts";
import { isStream } from "./model.ts";

/** Where a stream is, as far as this site knows. */
export interface Location {
  readonly id: EndpointId;
  readonly name: string;
  readonly siteInstance: SiteInstance;
  readonly streamEpoch: number;
  /** False: its site has ended, and no other site has taken it over. */
  readonly live: boolean;
}

/**
 * Where endpoints are: of streams as the directory or a `moved` frame says, of shells and sites as their frames show.
 */
export class Locations {
  readonly #streams = new Map<EndpointId, Location>();
  readonly #names = new Map<string, EndpointId>();
  readonly #others = new Map<EndpointId, SiteInstance>();

  /** Of an endpoint or its reply box. */
  get(
    target: EndpointId,
  ):
    | { readonly siteInstance: SiteInstance; readonly streamEpoch: number; readonly live: boolean }
    | undefined {
    const id = Math.abs(target);
    if (isStream(id)) return this.#streams.get(id);
    const siteInstance = this.#others.get(id);
    return siteInstance === undefined ? undefined : { siteInstance, streamEpoch: 0, live: true };
  }

  stream(id: EndpointId): Location | undefined {
    return this.#streams.get(id);
  }

  byName(name: string): Location | undefined {
    const id = this.#names.get(name);
    return id === undefined ? undefined : this.#streams.get(id);
  }

  get streams(): IterableIterator<Location> {
    return this.#streams.values();
  }

  /** False when it is not newer than what is known. */
  setStream(location: Location): boolean {
    const known = this.#streams.get(location.id);
    if (known !== undefined) {
      if (location.streamEpoch < known.streamEpoch) return false;
      if (
        location.streamEpoch === known.streamEpoch &&
        location.live === known.live &&
        location.siteInstance.instance === known.siteInstance.instance
      )
        return false;
    }
    this.#streams.set(location.id, location);
    this.#names.set(location.name, location.id);
    return true;
  }

  removeStream(id: EndpointId): Location | undefined {
    const known = this.#streams.get(id);
    this.#streams.delete(id);
    if (known !== undefined && this.#names.get(known.name) === id) this.#names.delete(known.name);
    return known;
  }

  /** Sites and shells. May be removed meanwhile. */
  get others(): IterableIterator<[EndpointId, SiteInstance]> {
    return this.#others.entries();
  }

  setOther(id: EndpointId, siteInstance: SiteInstance): void {
    if (this.#others.get(id)?.instance !== siteInstance.instance)
      this.#others.set(id, siteInstance);
  }

  removeOther(id: EndpointId): void {
    this.#others.delete(id);
  }
}
