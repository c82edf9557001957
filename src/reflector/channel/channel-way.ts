import { type Clock, LIMITS } from "../../base/index.ts";
import type { Receiver } from "../../channel/index.ts";
import type { ChannelStall } from "../../wire/index.ts";
import type { ChannelSnapshot, SwitchSnapshot, WaySnapshot } from "../snapshot.ts";
import type { Announcer } from "./announcer.ts";

/** A change of sources takes less than this: only then does a channel count as stalled, ms. */
const STALLED_MS = 300;
/** Sites that a reason names, of each kind. */
const NAMED_MAX = 3;

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
  /** Sites by what is wrong with them. */
  const groups = new Map<string, string[]>();
  for (const { name, state } of alternatives) {
    const way = ways.get(name);
    const kind = way?.isThroughUs === true ? "through" : way?.path?.length === 0 ? "none" : state;
    groups.set(kind, [...(groups.get(kind) ?? []), name]);
  }
  const has = [...groups].map(([kind, names]) => ({ kind, text: trouble(kind, names) }));
  // What is the cause comes before what only follows from it.
  const causes = has.filter(({ kind }) => kind !== "none" && kind !== "through");
  const consequences = has.filter((each) => !causes.includes(each));
  const reasons = [...causes, ...consequences].map(({ text }) => text);
  const reason = reasons.length === 0 ? "no site is known to have it" : reasons.join(", ");
  return { forMs: Math.round(forMs), reason, trying: alternatives.map(({ name }) => name) };
}

/** What is wrong with some sites that a channel may be received from, in words. */
function trouble(kind: string, sites: readonly string[]): string {
  const isOne = sites.length === 1;
  const names = listed(sites);
  if (kind === "through") return `${names} ${isOne ? "receives" : "receive"} it from here`;
  if (kind === "none") return `${names} ${isOne ? "does" : "do"} not have it`;
  if (kind === "down") return `${names} cannot be reached`;
  return `${names} ${isOne ? "is" : "are"} ${kind}`;
}

/** `a`, `a and b`, `a, b and 3 more`. */
function listed(names: readonly string[]): string {
  const shown = names.length > NAMED_MAX ? names.slice(0, NAMED_MAX - 1) : names;
  const rest = names.length - shown.length;
  const last = rest > 0 ? `${rest} more` : shown.at(-1);
  const before = rest > 0 ? shown : shown.slice(0, -1);
  return before.length === 0 ? `${last}` : `${before.join(", ")} and ${last}`;
}
