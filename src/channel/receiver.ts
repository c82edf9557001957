import { type Clock, type Counters, LIMITS, serialDistance } from "../base/index.ts";
import {
  type ControlMessage,
  generationOf,
  mediumOf,
  type SourcePoint,
  sourceOf,
} from "../wire/index.ts";
import type { Peer, Refusal } from "./peer.ts";
import type { SequenceWindow } from "./sequence-window.ts";
import { SourceWindows } from "./source-windows.ts";

/** Control messages that a source or the sending site puts into a channel. */
export type InBandMessage = Extract<
  ControlMessage,
  { type: "description" | "report" | "gap" | "bye" | "path" }
>;

/** What a {@link Receiver} tells its owner. */
export interface ReceiverEvents {
  /** A packet that is new by identity, in order of arrival. */
  onPacket(packet: Uint8Array): void;
  /** A message in band; of `path`, only from the alternative in use. */
  onInBand(message: InBandMessage, packet: Uint8Array): void;
  /** Another alternative carries the channel now. */
  onSwitched(from: string | undefined, to: string, reason: string): void;
  /** Packets given up: nobody could bring them. */
  onLost(count: number): void;
  onRefused(name: string, refusal: Refusal): void;
}

export type AlternativeState = "active" | "standby" | "suspected" | "down" | "connecting";

interface Alternative {
  readonly name: string;
  peer: Peer | undefined;
  /** Channel id at the peer, once subscribed. */
  id: number | undefined;
  /** What was last asked for and what was last confirmed; undefined: nothing. */
  asked: { readonly request: number; readonly forward: boolean; at: number } | undefined;
  confirmed: boolean | undefined;
  /** Why it can not be used until then. */
  barredUntil: number;
  /** It has said that it goes: nothing new is taken from it. */
  leaving: boolean;
  /** Since when it could be used without a break, and when it last told a way to the ingest. */
  usableSince: number;
  pathAt: number;
  packets: number;
  bytes: number;
}

export interface ReceiverOptions {
  readonly channel: string;
  /** Our own name, to notice a way that leads through ourselves. */
  readonly self: string;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly events: ReceiverEvents;
  /** Silence of the media after which the next alternative is tried though heartbeats go on, ms. */
  readonly silenceMs: number;
}

/** At the start a better alternative is waited for this long, ms. */
const PATIENCE_MS = 300;
/** A better alternative that is back takes over again when it was well for this long, ms. */
const PREFER_MS = 5_000;
/** A changed route may name a site that is not connected yet: it is waited for this long, ms. */
const CHOSEN_MS = 5_000;
/** A path told longer ago than this is old news, ms: sites tell it every second. */
const PATH_FRESH_MS = 2_500;
/** Without a packet for this long the flow has stalled, ms. */
const STALLED_MS = 100;
/** What is missing for this long is given up whatever happened meanwhile, ms. */
const MISSING_MS_MAX = 10_000;
/** A refused or looping alternative is tried again after this, ms. */
const BARRED_MS = 2_000;

/**
 * The receiving half of a channel: takes it from the best of several alternatives, drops duplicates, asks for what is
 * missing, and goes on at another alternative, from where it stood, when one fails. [W40]-[W46]
 *
 * Sans-IO: the owner dials, calls `peerUp` and `peerDown`, passes packets and control messages of this channel, and calls
 * `tick`. The reflector's inputs and the player are two owners of the same code.
 */
export class Receiver {
  /** False: wants nothing now (on demand); alternatives stay subscribed without forwarding. */
  #wanted = false;
  #alternatives: Alternative[] = [];
  #active: Alternative | undefined;
  /** The one left on suspicion, still forwarding until the suspicion is confirmed. */
  #suspect: Alternative | undefined;
  readonly #windows = new SourceWindows();
  /** First of a changed list, until it could be used. */
  #chosen: { readonly name: string; readonly until: number } | undefined;
  #resume: readonly SourcePoint[] = [];
  #request = 0;
  #mediaAt = 0;
  #startedAt = 0;
  #tickedAt: number;
  #rotated = 0;
  /** True once packets of a continuous medium came: silence then means something. */
  #continuous = false;
  packetsReceived = 0;
  bytesReceived = 0;
  packetsRepeated = 0;
  packetsLost = 0;
  resumes = 0;
  silenceMs: number;
  readonly #options: ReceiverOptions;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#tickedAt = options.clock.now();
    this.silenceMs = options.silenceMs;
  }

  /** Name of the alternative that carries the channel. */
  get active(): string | undefined {
    return this.#active?.name;
  }

  /** The channel's id at the active alternative, once it confirmed. */
  get activeId(): number | undefined {
    return this.#active?.id;
  }

  get wanted(): boolean {
    return this.#wanted;
  }

  /** State of each alternative, best first. */
  get alternatives(): readonly {
    readonly name: string;
    readonly state: AlternativeState;
    readonly packets: number;
    readonly bytes: number;
  }[] {
    return this.#alternatives.map((each) => ({
      name: each.name,
      state: this.#stateOf(each),
      packets: each.packets,
      bytes: each.bytes,
    }));
  }

  /** Replaces the list, best first. One that stays keeps its state; one in use that leaves it is left after its successor took over. */
  setAlternatives(names: readonly string[]): void {
    const now = this.#options.clock.now();
    const formerFirst = this.#alternatives[0]?.name;
    const old = new Map(this.#alternatives.map((each) => [each.name, each]));
    this.#alternatives = names.map(
      (name) =>
        old.get(name) ?? {
          name,
          peer: undefined,
          id: undefined,
          asked: undefined,
          confirmed: undefined,
          barredUntil: 0,
          leaving: false,
          usableSince: Number.POSITIVE_INFINITY,
          pathAt: Number.NEGATIVE_INFINITY,
          packets: 0,
          bytes: 0,
        },
    );
    const first = this.#alternatives[0];
    const isNew = first !== undefined && first.name !== formerFirst;
    this.#chosen = isNew ? { name: first.name, until: now + CHOSEN_MS } : undefined;
    const kept = new Set(names);
    for (const each of old.values()) if (!kept.has(each.name)) this.#leave(each);
    if (this.#active !== undefined && !kept.has(this.#active.name)) this.#active = undefined;
    if (this.#suspect !== undefined && !kept.has(this.#suspect.name)) this.#suspect = undefined;
    // A better alternative that is ready takes over at once: that is what a changed route asks for.
    const best = this.#alternatives.find((each) => this.#usable(each));
    if (this.#wanted && best !== undefined && best !== this.#active)
      this.#switch(best, "configured");
    this.tick();
  }

  /** Wants the channel from now on. `resume`: where to go on when nothing was received here yet. */
  start(resume: readonly SourcePoint[] = []): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#resume = resume;
    this.#mediaAt = this.#startedAt = this.#options.clock.now();
    this.tick();
  }

  /** Wants nothing until the next `start`: the alternatives become standbys. */
  stop(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#active = this.#suspect = undefined;
    this.tick();
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#wanted = false;
    for (const each of this.#alternatives) this.#leave(each);
    this.#alternatives = [];
    this.#active = this.#suspect = undefined;
  }

  peerUp(name: string, peer: Peer): void {
    const each = this.#find(name);
    if (each === undefined) return;
    this.#reset(each);
    each.peer = peer;
    each.barredUntil = 0;
    each.leaving = false;
    this.#choose(each);
    this.tick();
  }

  peerDown(name: string, reason: string): void {
    const each = this.#find(name);
    if (each === undefined) return;
    this.#reset(each);
    each.peer = undefined;
    if (this.#suspect === each) this.#suspect = undefined;
    if (this.#active === each) this.#fail(reason);
  }

  peerSuspected(name: string): void {
    if (this.#active?.name === name) this.#fail("silent");
  }

  /** A false alarm: the one that was suspected carries on, its stand-in stands by again. */
  peerTrusted(name: string): void {
    const suspect = this.#suspect;
    if (suspect?.name !== name) return;
    this.#suspect = undefined;
    const standIn = this.#active;
    this.#active = suspect;
    if (standIn !== undefined) this.#options.events.onSwitched(standIn.name, name, "false alarm");
    this.tick();
  }

  /** The other end goes soon: another takes over while it still forwards, as soon as one can. [W28] */
  peerLeaving(name: string): void {
    const each = this.#find(name);
    if (each === undefined) return;
    each.leaving = true;
    this.tick();
  }

  /** A packet of this channel from `name`. */
  packet(name: string, packet: Uint8Array, continuous: boolean): void {
    const now = this.#options.clock.now();
    const from = this.#find(name);
    if (from === undefined || !this.#wanted) {
      this.#options.counters.add("unwanted");
      return;
    }
    from.packets++;
    from.bytes += packet.byteLength;
    const verdict = this.#windows.accept(packet, now);
    if (verdict !== "new") {
      this.packetsRepeated++;
      this.#options.counters.add(verdict);
      return;
    }
    this.#mediaAt = now;
    this.#rotated = 0;
    if (continuous) this.#continuous = true;
    this.packetsReceived++;
    this.bytesReceived += packet.byteLength;
    this.#options.events.onPacket(packet);
  }

  /** A control message of this channel (or one answering our request) from `name`. */
  control(name: string, message: ControlMessage, packet: Uint8Array): void {
    const from = this.#find(name);
    if (from === undefined) return;
    switch (message.type) {
      case "subscribed":
        if (from.asked?.request !== message.request) return;
        from.id = message.id;
        from.confirmed = message.forward;
        from.barredUntil = 0;
        this.tick();
        return;
      case "refused":
        if (from.asked?.request !== message.request) return;
        this.#bar(from);
        this.#options.events.onRefused(name, message);
        if (this.#active === from) this.#fail(message.message);
        return;
      case "ack":
        if (this.#active === from) this.#windows.expect(message.points, this.#options.clock.now());
        return;
      case "gap":
        this.#skip(message.sequence, message.count, packet);
        this.#options.events.onInBand(message, packet);
        return;
      case "path":
        if (message.sites.includes(this.#options.self)) {
          this.#options.counters.add("loop");
          this.#bar(from);
          if (this.#active === from) this.#fail("the way leads through here");
          return;
        }
        from.pathAt = this.#options.clock.now();
        if (this.#active === from) this.#options.events.onInBand(message, packet);
        return;
      case "description":
      case "report":
      case "bye":
        if (this.#wanted) this.#options.events.onInBand(message, packet);
        return;
      default:
    }
  }

  /** Somebody behind us misses a packet: true when it may still come, and then it is asked for. [W27] */
  want(point: SourcePoint): boolean {
    const window = this.#windows.find(point);
    // Nothing of that source has come here yet, but it may.
    if (window === undefined) return this.#wanted;
    return window.want(point.sequence, this.#options.clock.now());
  }

  /** Newest identities received, for acknowledgements. */
  get newest(): SourcePoint[] {
    return this.#windows.newest(this.#options.clock.now());
  }

  /** Subscribes, switches and asks again as due. Called every 10 to 50 ms. */
  tick(): void {
    const now = this.#options.clock.now();
    this.#forgive(now - this.#tickedAt, now);
    this.#tickedAt = now;
    if (this.#wanted && this.#active === undefined) {
      const best = this.#alternatives.find((each) => this.#usable(each));
      const patient = best !== this.#alternatives[0] && now - this.#startedAt < PATIENCE_MS;
      if (best !== undefined && !patient) this.#switch(best, "first choice");
    }
    if (this.#wanted && this.#active?.leaving === true) {
      const next = this.#alternatives.find((each) => this.#usable(each));
      if (next !== undefined) this.#switch(next, "the site leaves");
    }
    for (const each of this.#alternatives) this.#subscribe(each, now);
    if (!this.#wanted) return;
    this.#prefer(now);
    this.#watchSilence(now);
    this.#repair(now);
  }

  /**
   * While we stood still ourselves, or nothing comes because the active alternative stands still, nobody can bring what is
   * missing: that time does not count against it.
   */
  #forgive(passedMs: number, now: number): void {
    const stoodStill = passedMs >= LIMITS.heartbeatMs * 2;
    if (stoodStill) this.#mediaAt += passedMs;
    if (!stoodStill && now - this.#mediaAt < STALLED_MS) return;
    for (const { window } of this.#windows.entries()) {
      for (const each of window.missing) each.since += passedMs;
    }
  }

  #find(name: string): Alternative | undefined {
    return this.#alternatives.find((each) => each.name === name);
  }

  #stateOf(each: Alternative): AlternativeState {
    if (each.peer === undefined) return "down";
    if (each.peer.suspected) return "suspected";
    if (each.confirmed === undefined) return "connecting";
    return this.#active === each ? "active" : "standby";
  }

  #usable(each: Alternative): boolean {
    return (
      each.peer?.state === "open" &&
      !each.peer.suspected &&
      !each.leaving &&
      each.barredUntil <= this.#options.clock.now()
    );
  }

  /** The active one failed: another goes on at once, from where we stand. */
  #fail(reason: string): void {
    const failed = this.#active;
    if (failed?.peer?.state === "open" && failed.peer.suspected) this.#suspect = failed;
    const next = this.#alternatives.find((each) => each !== failed && this.#usable(each));
    if (next !== undefined) this.#switch(next, reason);
    else if (failed?.peer === undefined || failed.barredUntil > this.#options.clock.now()) {
      this.#active = undefined;
    }
  }

  #switch(next: Alternative, reason: string): void {
    const previous = this.#active;
    this.#active = next;
    this.#mediaAt = this.#options.clock.now();
    // Whatever is missing now comes with the resume; asking for it one by one would bring it twice.
    for (const { window } of this.#windows.entries()) {
      for (const each of window.missing) each.askedAt = each.since = this.#mediaAt;
    }
    this.#options.events.onSwitched(previous?.name, next.name, reason);
    this.tick();
  }

  #subscribe(each: Alternative, now: number): void {
    if (each.peer?.state !== "open" || each.barredUntil > now) return;
    const forward = this.#wanted && (each === this.#active || each === this.#suspect);
    if (each.confirmed === forward && each.asked?.forward === forward) return;
    if (each.asked?.forward === forward && each.confirmed !== forward) {
      if (now - each.asked.at < LIMITS.requestRetryMs) return;
      each.asked.at = now;
    } else {
      // Left only after the successor confirmed: make before break.
      const leaving = each.confirmed === true && !forward && this.#wanted;
      if (leaving && this.#active?.confirmed !== true) return;
      this.#request = (this.#request + 1) >>> 0;
      each.asked = { request: this.#request, forward, at: now };
      each.confirmed = undefined;
    }
    const heard = this.#windows.resumePoints(now);
    const resume = forward ? (heard.length > 0 ? heard : this.#resume) : [];
    if (forward && heard.length > 0 && each.asked.at === now) this.resumes++;
    each.peer.sendControl({
      type: "subscribe",
      request: each.asked.request,
      channel: this.#options.channel,
      forward,
      resume: resume.slice(0, LIMITS.sourcesMax),
    });
  }

  /** Returns to a better alternative that has come back, without a break. */
  #prefer(now: number): void {
    for (const each of this.#alternatives) {
      if (!this.#usable(each)) each.usableSince = Number.POSITIVE_INFINITY;
      else each.usableSince = Math.min(each.usableSince, now);
    }
    if (this.#active === undefined || this.#suspect !== undefined) return;
    for (const each of this.#alternatives) {
      if (each === this.#active) return;
      if (now - each.usableSince < PREFER_MS || now - each.pathAt > PATH_FRESH_MS) continue;
      this.#switch(each, "the better way is back");
      return;
    }
  }

  /** What a changed route put first takes over as soon as it can be used. */
  #choose(each: Alternative): void {
    if (this.#chosen?.name !== each.name) return;
    const isDue = this.#options.clock.now() < this.#chosen.until && this.#suspect === undefined;
    this.#chosen = undefined;
    if (!this.#wanted || !isDue || this.#active === undefined || this.#active === each) return;
    this.#switch(each, "configured");
  }

  #leave(each: Alternative): void {
    if (each.peer?.state === "open" && each.id !== undefined) {
      this.#request = (this.#request + 1) >>> 0;
      each.peer.sendControl({ type: "unsubscribe", request: this.#request, id: each.id });
    }
    this.#reset(each);
  }

  #reset(each: Alternative): void {
    each.id = undefined;
    each.asked = undefined;
    each.confirmed = undefined;
  }

  #bar(each: Alternative): void {
    this.#reset(each);
    each.barredUntil = this.#options.clock.now() + BARRED_MS;
  }

  /** Heartbeats go on but the media does not: try the others, each once. */
  #watchSilence(now: number): void {
    if (!this.#continuous || now - this.#mediaAt < this.silenceMs) return;
    if (this.#rotated >= this.#alternatives.length - 1) return;
    const at = this.#alternatives.indexOf(this.#active as Alternative);
    for (let step = 1; step < this.#alternatives.length; step++) {
      const next = this.#alternatives[(at + step) % this.#alternatives.length] as Alternative;
      if (!this.#usable(next)) continue;
      this.#rotated++;
      this.#switch(next, "no media");
      return;
    }
  }

  #skip(sequence: number, count: number, packet: Uint8Array): void {
    const id = {
      source: sourceOf(packet),
      generation: generationOf(packet),
      medium: mediumOf(packet),
    };
    this.#windows.find(id)?.skip(sequence, Math.min(count, 0x8000), this.#options.clock.now());
  }

  /** Asks the active alternative for what is missing, in groups of 33 numbers; gives up what is too old. */
  #repair(now: number): void {
    const peer = this.#active?.peer;
    const id = this.#active?.id;
    const retryMs = Math.max(30, 2 * (peer?.rttMs ?? 0));
    for (const { id: source, window } of this.#windows.entries()) {
      if (window.missingCount === 0) continue;
      this.#giveUp(window, now);
      if (peer?.state !== "open" || id === undefined) continue;
      let base: number | undefined;
      let bitmap = 0;
      const ask = (): void => {
        if (base === undefined) return;
        this.#options.counters.add("repair-asked");
        peer.sendControl(
          { type: "repair", point: { ...source, sequence: base }, bitmap: bitmap >>> 0 },
          id,
        );
      };
      for (const each of window.missing) {
        if (now - each.since < LIMITS.repairDelayMs || now - each.askedAt < retryMs) continue;
        each.askedAt = now;
        const offset = base === undefined ? 0 : serialDistance(base, each.sequence, window.bits);
        if (base === undefined || offset > 32 || offset < 1) {
          ask();
          base = each.sequence;
          bitmap = 0;
        } else {
          bitmap |= 1 << (offset - 1);
        }
      }
      ask();
    }
  }

  #giveUp(window: SequenceWindow, now: number): void {
    let count = 0;
    for (const each of window.missing) {
      if (now - each.since < LIMITS.repairMsMax && now - each.foundAt < MISSING_MS_MAX) break;
      window.forget(each.sequence);
      count++;
    }
    if (count === 0) return;
    this.packetsLost += count;
    this.#options.counters.add("lost", count);
    this.#options.events.onLost(count);
  }
}
