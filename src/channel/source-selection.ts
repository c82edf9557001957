import type { Clock } from "../base/index.ts";
import {
  type Alternative,
  type AlternativeState,
  forgetSubscription,
  hasWay,
  isUsable,
  mayHaveWay,
  newAlternative,
  STEADY_MS,
} from "./alternative.ts";
import type { Peer } from "./peer.ts";

/** A better alternative is waited for this long after the start, ms. */
const PATIENCE_MS = 300;
/** What an alternative received this much later than our last packet should have come on to us, ms. */
const WITHHELD_MS = 200;
/** A changed route may name a site that is not connected yet: it is waited for this long, ms. */
const CHOSEN_MS = 5_000;

/** What a {@link SourceSelection} works with. */
export interface SourceSelectionOptions {
  readonly clock: Clock;
  /** Another alternative was made active. The callee subscribes. */
  onSwitched(from: string | undefined, to: string, reason: string): void;
}

/**
 * Decides which of several alternatives a channel is received from. [W42]-[W46]
 *
 * At most one alternative is active; one that was left on suspicion keeps forwarding until the suspicion is confirmed.
 */
export class SourceSelection {
  /** Best first: those of the route, then those that were learned. */
  alternatives: readonly Alternative[] = [];
  #route: readonly string[] = [];
  #learned: readonly string[] = [];
  #active: Alternative | undefined;
  #suspect: Alternative | undefined;
  /** The new first alternative of a changed list, until it was usable. */
  #chosen: { readonly name: string; readonly until: number } | undefined;
  /** Alternatives tried because of silence since the last packet. */
  #rotated = 0;
  #isWanted = false;
  #startedAt = 0;
  readonly #options: SourceSelectionOptions;

  constructor(options: SourceSelectionOptions) {
    this.#options = options;
  }

  get active(): Alternative | undefined {
    return this.#active;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  find(name: string): Alternative | undefined {
    // For each packet: a loop, which allocates nothing.
    for (const each of this.alternatives) if (each.name === name) return each;
    return undefined;
  }

  stateOf(each: Alternative): AlternativeState {
    if (each.peer === undefined) return "down";
    if (each.peer.suspected) return "suspected";
    if (each.confirmed === undefined) return "connecting";
    return this.#active === each ? "active" : "standby";
  }

  /** Whether an alternative should forward now: the active one, and the one under suspicion. */
  forwards(each: Alternative): boolean {
    return this.#isWanted && (each === this.#active || each === this.#suspect);
  }

  /** Replaces the route, best first; alternatives that stay keep their state. @returns those removed */
  replace(names: readonly string[]): readonly Alternative[] {
    const formerFirst = this.#route[0];
    this.#route = names;
    const [first] = names;
    const isNew = first !== undefined && first !== formerFirst;
    this.#chosen = isNew
      ? { name: first, until: this.#options.clock.now() + CHOSEN_MS }
      : undefined;
    return this.#list();
  }

  /** Replaces those that are not of the route, best first. @returns those removed; never the active one */
  replaceLearned(names: readonly string[]): readonly Alternative[] {
    this.#learned = names;
    return this.#list();
  }

  /** Makes the list anew. @returns those removed */
  #list(): readonly Alternative[] {
    const old = new Map(this.alternatives.map((each) => [each.name, each]));
    const route = new Set(this.#route);
    const learned = new Set(this.#learned.filter((name) => !route.has(name)));
    for (const each of [this.#active, this.#suspect])
      if (each?.isLearned === true && !route.has(each.name)) learned.add(each.name);
    this.alternatives = [...route, ...learned].map((name) => {
      const each = old.get(name) ?? newAlternative(name, learned.has(name));
      each.isLearned = learned.has(name);
      return each;
    });
    const kept = new Set([...route, ...learned]);
    if (this.#active !== undefined && !kept.has(this.#active.name)) this.#active = undefined;
    if (this.#suspect !== undefined && !kept.has(this.#suspect.name)) this.#suspect = undefined;
    return [...old.values()].filter(({ name }) => !kept.has(name));
  }

  /** A changed route takes effect at once: its best usable alternative becomes active. */
  applyRoute(): void {
    const best = this.#best();
    if (this.#isWanted && best !== undefined && best !== this.#active) {
      this.#switch(best, "configured");
    }
  }

  start(): void {
    this.#isWanted = true;
    this.#startedAt = this.#options.clock.now();
  }

  stop(): void {
    this.#isWanted = false;
    this.#active = this.#suspect = undefined;
  }

  /** A connection to an alternative was opened. */
  connected(each: Alternative, peer: Peer): void {
    forgetSubscription(each);
    each.peer = peer;
    each.barredUntil = 0;
    each.leavingUntil = Number.NEGATIVE_INFINITY;
    this.#choose(each);
  }

  /** The connection to an alternative ended. */
  disconnected(each: Alternative, reason: string): void {
    forgetSubscription(each);
    each.peer = undefined;
    if (this.#suspect === each) this.#suspect = undefined;
    if (this.#active === each) this.fail(each, reason);
  }

  /** A false alarm: the suspected alternative is active again. @returns false when `name` was not suspected */
  trusted(name: string): boolean {
    const suspect = this.#suspect;
    if (suspect?.name !== name) return false;
    this.#suspect = undefined;
    const standIn = this.#active;
    this.#active = suspect;
    // It stayed active where nothing could stand in for it.
    if (standIn !== undefined && standIn !== suspect)
      this.#options.onSwitched(standIn.name, name, "false alarm");
    return true;
  }

  /** Switches at once if `each` is active. Without a usable alternative, a connected one stays active. */
  fail(each: Alternative, reason: string): void {
    if (this.#active !== each) return;
    const now = this.#options.clock.now();
    if (each.peer?.state === "open" && each.peer.suspected) this.#suspect = each;
    this.#doubt(each);
    const next = this.#best(each);
    if (next !== undefined) this.#switch(next, reason);
    else if (each.peer === undefined || each.barredUntil > now || each.isThroughUs)
      this.#active = undefined;
  }

  /** A site was lost: who told a path through it may have lost its way, too, and does not know yet. */
  #doubt(lost: Alternative): void {
    if (lost.peer?.state === "open" && !lost.peer.suspected) return;
    for (const each of this.alternatives)
      if (each !== lost && each.path?.includes(lost.name) === true) each.isDoubtful = true;
  }

  /** Makes an alternative active where there is none, or where the active one is leaving. */
  fill(now: number): void {
    if (!this.#isWanted) return;
    if (this.#active === undefined) {
      const best = this.#best();
      const isPatient = best !== this.alternatives[0] && now - this.#startedAt < PATIENCE_MS;
      if (best !== undefined && !isPatient) this.#switch(best, "first choice");
    }
    if (this.#active !== undefined && this.#active.leavingUntil > now) {
      const next = this.#best();
      if (next !== undefined) this.#switch(next, "the site is shutting down");
    }
    const active = this.#active;
    if (active === undefined || this.#suspect !== undefined || mayHaveWay(active, now)) return;
    const next = this.alternatives.find((each) => isUsable(each, now) && hasWay(each, now));
    if (next !== undefined) this.#switch(next, `the channel does not arrive at ${active.name}`);
  }

  /** Makes an alternative active if it can be used. */
  use(name: string): void {
    const each = this.find(name);
    if (!this.#isWanted || each === undefined || each === this.#active) return;
    if (isUsable(each, this.#options.clock.now())) this.#switch(each, "the channel arrives there");
  }

  /**
   * Returns to a better alternative that has been usable, with a way, for long enough: while ways are being found, those
   * of others change at any moment, and may come to lead through us. So it is with a way that changed just now.
   */
  prefer(now: number): void {
    for (const each of this.alternatives) {
      if (!isUsable(each, now) || !hasWay(each, now)) each.usableSince = Number.POSITIVE_INFINITY;
      else each.usableSince = Math.min(each.usableSince, now);
    }
    if (this.#active === undefined || this.#suspect !== undefined) return;
    for (const each of this.alternatives) {
      if (each === this.#active) return;
      if (now - each.usableSince < each.preferMs || now - each.wayAt < STEADY_MS) continue;
      this.#switch(each, "a preferred alternative is back");
      return;
    }
  }

  /**
   * Heartbeats arrive but media does not: tries the other alternatives, each once; those that were learned only where
   * the active one receives what does not come from it.
   *
   * @param mediaAt when the last packet came, ms
   */
  rotate(now: number, mediaAt: number): void {
    if (this.#rotated >= this.alternatives.length - 1) return;
    const at = this.alternatives.indexOf(this.#active as Alternative);
    for (let step = 1; step < this.alternatives.length; step++) {
      const next = this.alternatives[(at + step) % this.alternatives.length] as Alternative;
      if (!isUsable(next, now) || !mayHaveWay(next, now)) continue;
      if (next.isLearned && !this.#withholds(mediaAt)) continue;
      this.#rotated++;
      this.#switch(next, "no media");
      return;
    }
  }

  /** Whether the active alternative receives media that does not come from it. */
  #withholds(mediaAt: number): boolean {
    const { quietMs, pathAt = 0 } = this.#active ?? {};
    return quietMs !== undefined && pathAt - quietMs > mediaAt + WITHHELD_MS;
  }

  /** Media arrives: after the next silence all alternatives are tried again. */
  heard(): void {
    this.#rotated = 0;
  }

  /** The best that can be used; without one at which the channel may arrive, the best of the route. */
  #best(without?: Alternative): Alternative | undefined {
    const now = this.#options.clock.now();
    const usable = this.alternatives.filter((each) => each !== without && isUsable(each, now));
    return (
      usable.find((each) => mayHaveWay(each, now)) ?? usable.find(({ isLearned }) => !isLearned)
    );
  }

  /** The first alternative of a changed route takes over as soon as it is connected. */
  #choose(each: Alternative): void {
    if (this.#chosen?.name !== each.name) return;
    const isDue = this.#options.clock.now() < this.#chosen.until && this.#suspect === undefined;
    this.#chosen = undefined;
    if (!this.#isWanted || !isDue || this.#active === undefined || this.#active === each) return;
    this.#switch(each, "configured");
  }

  #switch(next: Alternative, reason: string): void {
    const previous = this.#active;
    this.#active = next;
    this.#options.onSwitched(previous?.name, next.name, reason);
  }
}
