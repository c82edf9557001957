import { CircleWatch } from "../channels/circle-watch.ts";
import { SessionPublisher } from "../channels/session-publisher.ts";
import { accountOf, longestGap, missingWords } from "../channels/viewer-account.ts";
import { openViewer, type WorldViewer } from "../channels/world-viewer.ts";
import type { World } from "../world/world.ts";
import type { PlannedChannel, StormPlan } from "./storm-plan.ts";

/** How much came of the channels of a storm. */
export interface ChannelCounts {
  /** Packets at viewers. */
  packets: number;
  /** Times that a site changed its source. */
  switches: number;
  /** Viewers that had to get all of it, and others: they were out of reach for longer than the history lasts. */
  viewersOwed: number;
  viewersBeyond: number;
}

const NOWHERE: readonly string[] = [];
/** Circles are looked for this often, ms. */
const LOOK_MS = 50;
/** Once all sites are back in the session, a channel reaches every subscriber again within this, ms. */
export const REACHED_MS = 3_000;
/** A resume reaches back at least as far, ms. */
const HISTORY_MS = 9_000;
/** Share of the packets that may be lost for good on links by datagrams that lose some. */
const LOST_MAX = 1 / 200;

interface Audience {
  readonly channel: PlannedChannel;
  readonly publisher: SessionPublisher;
  readonly viewers: Map<string, WorldViewer>;
  readonly circles: CircleWatch;
}

/** The channels of a storm: each is published at one site, and watched at every site. */
export class StormChannels {
  readonly counts: ChannelCounts = { packets: 0, switches: 0, viewersOwed: 0, viewersBeyond: 0 };
  readonly failures = new Set<string>();
  readonly #world: World;
  readonly #plan: StormPlan;
  #audiences: readonly Audience[] = [];
  #isOver = false;

  constructor(world: World, plan: StormPlan) {
    this.#world = world;
    this.#plan = plan;
    world.onPlaneEvent((_site, { type }) => {
      if (type === "input-switched") this.counts.switches++;
    });
  }

  /** Publishers and viewers begin. */
  begin(): void {
    const world = this.#world;
    this.#audiences = this.#plan.channels.map((channel) => {
      const { name, ingest } = channel;
      const publisher = new SessionPublisher(world, world.site(ingest), name);
      const viewers = new Map(
        world.sites.map((site) => [site.name, openViewer(world, name, [site.name], false)]),
      );
      return { channel, publisher, viewers, circles: new CircleWatch() };
    });
    if (this.#audiences.length > 0) this.#look();
  }

  /** Whether every viewer gets its channel. */
  get isWatched(): boolean {
    return this.#audiences.every(({ viewers }) =>
      [...viewers.values()].every(({ received }) => received.length > 0),
    );
  }

  /** Whether all sites are in the session, and all publishers at theirs. */
  get isWell(): boolean {
    return (
      this.#world.sites.every(({ hasJoined, isLeaving }) => hasJoined && !isLeaving) &&
      this.#audiences.every(({ publisher }) => publisher.isLive)
    );
  }

  /** Every site has a way to each channel, and every viewer has got something since then. @param since ms */
  expectReached(since: number): void {
    for (const { channel, viewers } of this.#audiences) {
      for (const [site, { times }] of viewers)
        if ((times.at(-1) ?? 0) < since)
          this.failures.add(
            `[W28] the viewer of ${channel.name} at ${site} gets nothing ${REACHED_MS} ms after the last trouble`,
          );
      for (const { name, plane } of this.#world.sites)
        if (plane?.reflector.pathOf(channel.name).length === 0)
          this.failures.add(
            `[W28] ${channel.name} has no way to ${name} ${REACHED_MS} ms after the last trouble`,
          );
    }
  }

  /** The cameras stop. */
  end(): void {
    this.#isOver = true;
    for (const { publisher } of this.#audiences) publisher.stop();
  }

  /** Nothing came twice, and what the history covers is complete. */
  judge(): void {
    for (const { channel, publisher, viewers } of this.#audiences)
      for (const [site, viewer] of viewers) {
        const who = `the viewer of ${channel.name} at ${site}`;
        this.#judge(who, viewer, publisher.generation, channel.stack === "udp");
      }
  }

  /** What was on its way from a publishing site that died may have died with it: only the last generation is owed. */
  #judge(who: string, viewer: WorldViewer, generation: number, isUdp: boolean): void {
    const { received, missing, repeated } = accountOf(viewer, generation);
    this.counts.packets += received;
    if (repeated > 0) this.failures.add(`${who} got ${repeated} packets twice`);
    if (longestGap(viewer) > HISTORY_MS) {
      this.counts.viewersBeyond++;
      return;
    }
    this.counts.viewersOwed++;
    const isLossy = isUdp && this.#plan.loss > 0;
    if (missing > (isLossy ? received * LOST_MAX : 0))
      this.failures.add(`${who} misses ${missing} of ${received} packets: ${missingWords(viewer)}`);
  }

  #look(): void {
    if (this.#isOver) return;
    this.#world.clock.after("look", LOOK_MS, () => this.#look());
    for (const { channel, circles } of this.#audiences) {
      for (const { name, plane } of this.#world.sites)
        circles.set(name, plane?.reflector.pathOf(channel.name) ?? NOWHERE);
      const circle = circles.find();
      if (circle !== undefined)
        this.failures.add(`a circle of ${channel.name}: ${circle.join(" < ")}`);
    }
  }
}
