import type { Clock } from "../base/index.ts";
import {
  type Alternative,
  type AlternativeState,
  forgetSubscription,
  isUsable,
  newAlternative,
} from "./alternative.ts";
import type { Peer } from "./peer.ts";

/** A better alternative is waited for this long after the start, ms. */
const PATIENCE_MS = 300;
/** A better alternative takes over again after it has been usable for this long, ms. */
const PREFER_MS = 5_000;
/** A changed route may name a site that is not connected yet: it is waited for this long, ms. */
const CHOSEN_MS = 5_000;
/** Sites announce their path every second; one older than this is out of date, ms. */
const PATH_FRESH_MS = 2_500;

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
  /** Best first. */
  alternatives: readonly Alternative[] = [];
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

  /** Replaces the list, best first; alternatives that stay keep their state. @returns those removed */
  replace(names: readonly string[]): readonly Alternative[] {
    const formerFirst = this.alternatives[0]?.name;
    const old = new Map(this.alternatives.map((each) => [each.name, each]));
    this.alternatives = names.map((name) => old.get(name) ?? newAlternative(name));
    const first = this.alternatives[0];
    const isNew = first !== undefined && first.name !== formerFirst;
    this.#chosen = isNew
      ? { name: first.name, until: this.#options.clock.now() + CHOSEN_MS }
      : undefined;
    const kept = new Set(names);
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
    each.leaving = false;
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
    if (standIn !== undefined) this.#options.onSwitched(standIn.name, name, "false alarm");
    return true;
  }

  /** Switches at once if `each` is active. Without a usable alternative, a connected one stays active. */
  fail(each: Alternative, reason: string): void {
    if (this.#active !== each) return;
    const now = this.#options.clock.now();
    if (each.peer?.state === "open" && each.peer.suspected) this.#suspect = each;
    const next = this.alternatives.find((other) => other !== each && isUsable(other, now));
    if (next !== undefined) this.#switch(next, reason);
    else if (each.peer === undefined || each.barredUntil > now) this.#active = undefined;
  }

  /** Makes an alternative active where there is none, or where the active one is leaving. */
  fill(now: number): void {
    if (!this.#isWanted) return;
    if (this.#active === undefined) {
      const best = this.#best();
      const isPatient = best !== this.alternatives[0] && now - this.#startedAt < PATIENCE_MS;
      if (best !== undefined && !isPatient) this.#switch(best, "first choice");
    }
    if (this.#active?.leaving === true) {
      const next = this.#best();
      if (next !== undefined) this.#switch(next, "the site is shutting down");
    }
  }

  /** Makes an alternative active if it can be used. */
  use(name: string): void {
    const each = this.find(name);
    if (!this.#isWanted || each === undefined || each === this.#active) return;
    if (isUsable(each, this.#options.clock.now())) this.#switch(each, "the channel arrives there");
  }

  /** Returns to a better alternative that has been usable for five seconds. */
  prefer(now: number): void {
    for (const each of this.alternatives) {
      if (!isUsable(each, now)) each.usableSince = Number.POSITIVE_INFINITY;
      else each.usableSince = Math.min(each.usableSince, now);
    }
    if (this.#active === undefined || this.#suspect !== undefined) return;
    for (const each of this.alternatives) {
      if (each === this.#active) return;
      if (now - each.usableSince < PREFER_MS || now - each.pathAt > PATH_FRESH_MS) continue;
      this.#switch(each, "a preferred alternative is back");
      return;
    }
  }

  /** Heartbeats arrive but media does not: tries the other alternatives, each once. */
  rotate(now: number): void {
    if (this.#rotated >= this.alternatives.length - 1) return;
    const at = this.alternatives.indexOf(this.#active as Alternative);
    for (let step = 1; step < this.alternatives.length; step++) {
      const next = this.alternatives[(at + step) % this.alternatives.length] as Alternative;
      if (!isUsable(next, now)) continue;
      this.#rotated++;
      this.#switch(next, "no media");
      return;
    }
  }

  /** Media arrives: after the next silence all alternatives are tried again. */
  heard(): void {
    this.#rotated = 0;
  }

  #best(): Alternative | undefined {
    const now = this.#options.clock.now();
    return this.alternatives.find((each) => isUsable(each, now));
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
