import { LIMITS } from "../base/index.ts";
import type { Json } from "../directory/index.ts";
import { type NamedRoom, type SiteRoom, siteRoomSchema } from "../wire/index.ts";

/** Rounds of pings between two in which rooms are passed on. */
const ROUNDS = LIMITS.roomsToldMs / LIMITS.sitePingMs;

/** What room the sites of a session have, as they answered their leader, which passes it on to all of them. [W37] */
export class SessionRooms {
  readonly #rooms = new Map<string, { readonly room: SiteRoom; readonly round: number }>();
  #round = 0;
  /** Where the next portion begins, in the order of names. */
  #from = 0;

  /** A site answered a ping; one of a version that does not tell answers null. */
  heard(site: string, answer: Json): void {
    const room = siteRoomSchema.safeParse(answer).data;
    if (room === undefined) this.#rooms.delete(site);
    else this.#rooms.set(site, { room, round: this.#round });
  }

  /** A round of pings begins. @returns what goes with them; undefined: nothing now */
  next(): readonly NamedRoom[] | undefined {
    this.#round++;
    if (this.#round % ROUNDS !== 0) return undefined;
    for (const [site, { round }] of this.#rooms)
      if (this.#round - round > ROUNDS) this.#rooms.delete(site);
    const all = [...this.#rooms].sort(([one], [other]) => (one < other ? -1 : 1));
    if (all.length === 0) return undefined;
    if (this.#from >= all.length) this.#from = 0;
    const portion = all.slice(this.#from, this.#from + LIMITS.roomsToldMax);
    this.#from += LIMITS.roomsToldMax;
    return portion.map(([site, { room }]) => ({ site, ...room }));
  }
}
