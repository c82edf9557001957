import type { Clock } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";
import type { NamedRoom, SiteRoom } from "../wire/index.ts";

/** What has not changed is repeated after this, ms. */
const REPEAT_MS = 10_000;
/** What was not repeated is forgotten after this, ms. */
const KEPT_MS = 60_000;
/** As long as a neighbour speaks for itself, what others pass on of it is older, ms. */
const FIRST_HAND_MS = 15_000;

/** What is known of another site's room. */
interface Known {
  readonly room: SiteRoom;
  /** When it was told, ms. */
  readonly at: number;
  /** Whether the site told it over its own link. */
  readonly isFirstHand: boolean;
}

/** The other end of a link. */
type LinkEnd = Pick<Peer, "state" | "remote" | "sendControl">;

/** What a {@link SiteRooms} works with. */
export interface SiteRoomsOptions {
  readonly clock: Pick<Clock, "now">;
  /** What this site would still send, exactly. */
  own(): SiteRoom;
  /** Names of the other sites of the session: of others nothing is believed. */
  sites(): ReadonlySet<string>;
  /** The neighbours that are connected. */
  neighbours(): Iterable<LinkEnd>;
}

/** How much room the sites of the session have: tells neighbours this site's, and remembers theirs. [W37] */
export class SiteRooms {
  readonly #options: SiteRoomsOptions;
  readonly #known = new Map<string, Known>();
  readonly #told = new WeakMap<LinkEnd, { readonly room: SiteRoom; readonly at: number }>();
  #own: SiteRoom | undefined;

  constructor(options: SiteRoomsOptions) {
    this.#options = options;
  }

  /** This site's, as it was told last; undefined before the first {@link tick}. */
  get own(): SiteRoom | undefined {
    return this.#own;
  }

  /** A neighbour told its own. */
  told(site: string, room: SiteRoom): void {
    if (!this.#options.sites().has(site)) return;
    this.#known.set(site, { room, at: this.#options.clock.now(), isFirstHand: true });
  }

  /** The leader passed on those of other sites. */
  passedOn(rooms: readonly NamedRoom[]): void {
    const { clock, sites } = this.#options;
    const at = clock.now();
    const others = sites();
    for (const { site, ...room } of rooms) {
      const known = this.#known.get(site);
      const isNewer = known?.isFirstHand !== true || at - known.at > FIRST_HAND_MS;
      if (isNewer && others.has(site)) this.#known.set(site, { room, at, isFirstHand: false });
    }
  }

  /**
   * Subscribers that a site would still admit, as it told; undefined: it did not, or not lately.
   *
   * @param bits what each of them would receive, bits per second; undefined: unknown
   */
  subscribersAt(site: string, bits: number | undefined): number | undefined {
    const room = this.#known.get(site)?.room;
    if (room === undefined || bits === undefined) return room?.subscribers;
    return Math.min(room.subscribers, Math.floor(room.bitsPerSecond / bits));
  }

  /** Every second: tells neighbours what has changed or is due again, and forgets what is too old. */
  tick(): void {
    const { clock, neighbours, own } = this.#options;
    const now = clock.now();
    for (const [site, { at }] of this.#known) if (now - at > KEPT_MS) this.#known.delete(site);
    const room = roundedDown(own());
    this.#own = room;
    for (const peer of neighbours()) {
      if (peer.state !== "open" || peer.remote?.role !== "site") continue;
      const told = this.#told.get(peer);
      if (told !== undefined && now - told.at < REPEAT_MS && isSame(told.room, room)) continue;
      this.#told.set(peer, { room, at: now });
      peer.sendControl({ type: "started", channels: [], room });
    }
  }
}

/** To two binary digits, so that it changes with every third of it and not with every viewer. */
function roundedDown({ subscribers, bitsPerSecond }: SiteRoom): SiteRoom {
  return { subscribers: twoDigits(subscribers), bitsPerSecond: twoDigits(bitsPerSecond) };
}

function twoDigits(value: number): number {
  if (value < 1) return 0;
  const unit = 2 ** Math.max(0, Math.floor(Math.log2(value)) - 1);
  return Math.floor(value / unit) * unit;
}

function isSame(one: SiteRoom, other: SiteRoom): boolean {
  return one.subscribers === other.subscribers && one.bitsPerSecond === other.bitsPerSecond;
}
