import { type Clock, LIMITS } from "../../base/index.ts";
import type { Receiver } from "../../channel/index.ts";
import type { ChannelStall } from "../../wire/index.ts";
import type { ChannelSnapshot, SwitchSnapshot, WaySnapshot } from "../snapshot.ts";
import type { Announcer } from "./announcer.ts";

/** A change of sources takes less than this: only then does a channel count as stalled, ms. */
const STALLED_MS = 300;

/** What a {@link ChannelWay} works with. */
export interface ChannelWayOptions {
  readonly site: string;
  readonly clock: Pick<Clock, "now">;
  readonly announcer: Announcer;
  /** Sets the path of the channel to this site; empty: it does not arrive. */
  setPath(path: readonly string[]): void;
}

/** Whether a channel arrives and on which ways, and what subscribers are told when it does not. [W34] */
export class ChannelWay {
  readonly #options: ChannelWayOptions;
  #lostSince: number | undefined;
  #switches: readonly SwitchSnapshot[] = [];
  #ways: readonly WaySnapshot[] = [];

  constructor(options: ChannelWayOptions) {
    this.#options = options;
  }

  /** For how long it has not arrived although it is wanted, ms; 0: it arrives, or is not wanted. */
  get lostMs(): number {
    const { clock } = this.#options;
    return this.#lostSince === undefined ? 0 : Math.max(1, clock.now() - this.#lostSince);
  }

  /** Notes that another site is the source now. */
  switched(from: string | undefined, to: string, reason: string): void {
    const at = this.#options.clock.now();
    this.#switches = [...this.#switches, { at, from, to, reason }].slice(-LIMITS.waysMax);
  }

  /** Where the channel comes from, and came from before. */
  snapshot(): Pick<ChannelSnapshot, "path" | "stalled" | "switches" | "ways"> {
    const { path, stall } = this.#options.announcer;
    this.#notePath();
    return { path, stalled: stall, switches: this.#switches, ways: this.#ways };
  }

  /** Looks at the channel's sources. Every 100 ms, while it is not ingested here. */
  follow(receiver: Receiver): void {
    this.#look(receiver);
    this.#notePath();
  }

  /** It is ingested here, or closed. */
  reset(): void {
    this.#lostSince = undefined;
    this.#options.announcer.stall = undefined;
    this.#options.announcer.setIdleWay([]);
  }

  #look(receiver: Receiver): void {
    const { announcer, clock, site } = this.#options;
    if (!receiver.wanted) {
      this.#lostSince = undefined;
      announcer.stall = undefined;
      const way = receiver
        .ways()
        .find(({ isThroughUs, path = [] }) => !isThroughUs && path.length > 0);
      announcer.setIdleWay(way === undefined ? [] : [...(way.path ?? []), site]);
      return;
    }
    announcer.setIdleWay([]);
    const now = clock.now();
    // Without any site to receive it from, it has no publisher: that is no loss.
    if (receiver.isServed || receiver.alternatives.length === 0) {
      this.#lostSince = undefined;
      announcer.stall = undefined;
      return;
    }
    this.#lostSince ??= now;
    // A source that is stalled itself has waited already.
    const isToldSo = receiver.ways().some(({ name, path }) => {
      return name === receiver.active && path?.length === 0;
    });
    if (!isToldSo && now - this.#lostSince < STALLED_MS) return;
    const stall = stallOf(receiver, now - this.#lostSince);
    const isNew = announcer.stall === undefined;
    announcer.stall = stall;
    this.#options.setPath([]);
    if (isNew) announcer.announcePath(false);
  }

  #notePath(): void {
    const { announcer, clock } = this.#options;
    const { path } = announcer;
    const last = this.#ways.at(-1)?.path ?? [];
    if (path.join() === last.join()) return;
    this.#ways = [...this.#ways, { at: clock.now(), path }].slice(-LIMITS.waysMax);
  }
}

function stallOf(receiver: Receiver, forMs: number): ChannelStall {
  const ways = new Map(receiver.ways().map((each) => [each.name, each]));
  const { alternatives } = receiver;
  const reasons = alternatives.map(({ name, state }) => {
    const way = ways.get(name);
    if (way?.isThroughUs === true) return `${name} receives it from here`;
    if (way?.path?.length === 0) return `it does not arrive at ${name}`;
    return state === "down" ? `${name} cannot be reached` : `${name} is ${state}`;
  });
  const reason =
    reasons.length === 0 ? "no site is known to have it" : reasons.slice(0, 4).join(", ");
  return { forMs: Math.round(forMs), reason, trying: alternatives.map(({ name }) => name) };
}
