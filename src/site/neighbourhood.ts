import { type Log, messageOf } from "../base/index.ts";
import { linkUrlOf } from "../client/index.ts";
import type { SiteRecord } from "../session/index.ts";
import type { NamedRoom } from "../wire/index.ts";
import { type GateRules, originsOf } from "./http/gate.ts";
import type { Plane } from "./plane/plane.ts";

/** What a neighbourhood needs. */
export interface NeighbourhoodOptions {
  readonly self: SiteRecord;
  /** Hosts and origins that the site admits besides the pages of its session. */
  readonly gate: Omit<GateRules, "origins">;
  readonly plane: Plane;
  readonly log: Log;
}

/** The sites of the session, and what the plane needs of them: links, alternatives for viewers, origins to admit. */
export class Neighbourhood {
  readonly #options: NeighbourhoodOptions;
  #sites: readonly SiteRecord[];

  constructor(options: NeighbourhoodOptions) {
    this.#options = options;
    this.#sites = [options.self];
  }

  /** By name; this site is always among them. */
  get sites(): readonly SiteRecord[] {
    return this.#sites;
  }

  /** Name of the leading site; null while none is known. */
  get leader(): string | null {
    return this.#sites.find((site) => site.leader)?.name ?? null;
  }

  /** The leader told what room the sites of the session have; empty: nothing new. */
  setRooms(rooms: readonly NamedRoom[]): void {
    if (rooms.length === 0) return;
    const { plane, log } = this.#options;
    plane.setRooms(rooms).catch((error: unknown) => {
      // A plane that has ended reports that itself.
      log.debug("The plane did not take the rooms of the sites.", { error: messageOf(error) });
    });
  }

  /** A new list from the directory. Settles when the plane has it. */
  async set(sites: readonly SiteRecord[]): Promise<void> {
    const { self, gate, plane, log } = this.#options;
    const others = sites.filter(({ name }) => name !== self.name);
    this.#sites = others.length === sites.length ? [...sites, self] : sites;
    try {
      await plane.setNeighbours(
        others.map(({ name, http, udp, tls }) => ({ name, http, udp, tls })),
      );
      await plane.setViewerSites(others.map((site) => ({ name: site.name, url: linkUrlOf(site) })));
      await plane.setGate({ ...gate, origins: this.#sites.flatMap(originsOf) });
    } catch (error) {
      log.error("The plane refused the list of sites.", { error: messageOf(error) });
    }
  }
}
