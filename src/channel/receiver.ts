import { LIMITS } from "../base/index.ts";
import {
  type ControlMessage,
  generationOf,
  mediumOf,
  type SourcePoint,
  sourceOf,
} from "../wire/index.ts";
import {
  type Alternative,
  type AlternativeState,
  bar,
  hasWay,
  mayHaveWay,
  tellPath,
} from "./alternative.ts";
import type { Peer } from "./peer.ts";
import type { ReceiverOptions } from "./receiver-options.ts";
import { RepairRequester } from "./repair-requester.ts";
import { SourceSelection } from "./source-selection.ts";
import { SourceWindows } from "./source-windows.ts";
import { UpstreamRequests } from "./upstream-requests.ts";

/** A site that said that it is leaving, and is still there after this, has changed its mind, ms. */
const LEAVING_MS = 10_000;
/** For this long after continuing live, what is missing is what was left out, ms. */
const LEAVING_OUT_MS = 1_000;
/** Without a packet for this long the flow has stalled, ms. */
const STALLED_MS = 100;

/**
 * The receiving half of a channel: receives it from the best of several alternatives, drops duplicates, requests
 * missing packets, and continues at another alternative, from the first missing packet, when one fails. [W40]-[W46]
 *
 * Sans-IO: the owner dials, calls `peerUp` and `peerDown`, passes in packets and control messages of this channel, and
 * calls `tick`. A reflector's channel and a viewer's client are its two owners.
 */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #selection: SourceSelection;
  readonly #requests: UpstreamRequests;
  readonly #windows = new SourceWindows();
  readonly #repair: RepairRequester;
  /** Where to start while nothing has been received. */
  #resume: readonly SourcePoint[] = [];
  /** When media last arrived or may begin to be expected, ms. */
  #mediaAt = 0;
  #tickedAt: number;
  readonly #past = new Map<string, { readonly packets: number; readonly bytes: number }>();
  #leavesOutUntil = Number.NEGATIVE_INFINITY;
  /** Packets of a continuous medium arrived: only then does silence mean something. */
  #continuous = false;
  packetsReceived = 0;
  bytesReceived = 0;
  packetsRepeated = 0;
  packetsLost = 0;
  resumes = 0;
  silenceMs: number;

  constructor(options: ReceiverOptions) {
    const { channel, clock, counters, silenceMs } = options;
    this.#options = options;
    this.#tickedAt = clock.now();
    this.silenceMs = silenceMs;
    this.#requests = new UpstreamRequests(channel, options.clock.now());
    this.#repair = new RepairRequester(this.#windows, counters);
    this.#selection = new SourceSelection({
      clock,
      onSwitched: (from, to, reason) => this.#switched(from, to, reason),
    });
  }

  /** Name of the active alternative. */
  get active(): string | undefined {
    return this.#selection.active?.name;
  }

  /** The channel's id at the active alternative, once it confirmed. */
  get activeId(): number | undefined {
    return this.#selection.active?.id;
  }

  /** False: on demand, and there is no demand. The alternatives stay subscribed without forwarding. */
  get wanted(): boolean {
    return this.#selection.isWanted;
  }

  /** Whether an alternative is active from which the channel may come. */
  get isServed(): boolean {
    const { active } = this.#selection;
    if (active?.confirmed !== true || active.peer?.suspected !== false) return false;
    return mayHaveWay(active, this.#options.clock.now());
  }

  /** State of each alternative, best first. */
  get alternatives(): readonly {
    readonly name: string;
    readonly state: AlternativeState;
    readonly isLearned: boolean;
    readonly packets: number;
    readonly bytes: number;
  }[] {
    return this.#selection.alternatives.map((each) => ({
      name: each.name,
      state: this.#selection.stateOf(each),
      isLearned: each.isLearned,
      packets: each.packets,
      bytes: each.bytes,
    }));
  }

  /** What alternatives that were removed have received, by name. */
  get past(): readonly {
    readonly name: string;
    readonly packets: number;
    readonly bytes: number;
  }[] {
    return [...this.#past].map(([name, counts]) => ({ name, ...counts }));
  }

  /**
   * Replaces the route, best first. Alternatives that stay keep their state; a better one that is ready takes over at
   * once.
   */
  setAlternatives(names: readonly string[]): void {
    this.#remove(this.#selection.replace(names));
    this.#selection.applyRoute();
    this.tick();
  }

  /**
   * Replaces the alternatives that are not of the route, best first. They come after it, and are used only as long as
   * they tell a way. The active one stays. [W47]
   */
  setLearned(names: readonly string[]): void {
    this.#remove(this.#selection.replaceLearned(names));
    this.tick();
  }

  /** For how long an alternative must have been usable before it takes over from a worse one, ms. */
  setPreferMs(name: string, ms: number): void {
    const each = this.#selection.find(name);
    if (each !== undefined) each.preferMs = ms;
  }

  /** What each alternative last told of its way, best first. */
  ways(): readonly {
    readonly name: string;
    /** Undefined: not told, or too long ago; empty: the channel does not arrive there. */
    readonly path: readonly string[] | undefined;
    readonly isThroughUs: boolean;
  }[] {
    const now = this.#options.clock.now();
    return this.#selection.alternatives.map((each) => ({
      name: each.name,
      path: each.path?.length === 0 || hasWay(each, now) ? each.path : undefined,
      isThroughUs: each.isThroughUs,
    }));
  }

  #remove(gone: readonly Alternative[]): void {
    for (const each of gone) {
      this.#requests.unsubscribe(each);
      this.#keepCounts(each);
    }
  }

  /** Receives the channel from now on. @param resume where to start while nothing has been received here */
  start(resume: readonly SourcePoint[] = []): void {
    if (this.wanted) return;
    this.#resume = resume;
    this.#mediaAt = this.#options.clock.now();
    this.#selection.start();
    this.tick();
  }

  /** Receives nothing until the next `start`: the alternatives become standbys. */
  stop(): void {
    if (!this.wanted) return;
    this.#selection.stop();
    this.tick();
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#selection.stop();
    for (const each of this.#selection.replace([])) this.#requests.unsubscribe(each);
  }

  /** A connection to an alternative was opened. */
  peerUp(name: string, peer: Peer): void {
    const each = this.#selection.find(name);
    if (each === undefined) return;
    this.#selection.connected(each, peer);
    this.tick();
  }

  /** The connection to an alternative ended. */
  peerDown(name: string, reason: string): void {
    const each = this.#selection.find(name);
    if (each !== undefined) this.#selection.disconnected(each, reason);
  }

  /** An alternative is silent. */
  peerSuspected(name: string): void {
    const each = this.#selection.find(name);
    if (each !== undefined) this.#selection.fail(each, "silent");
  }

  /** A false alarm: the suspected alternative was heard again. */
  peerTrusted(name: string): void {
    if (this.#selection.trusted(name)) this.tick();
  }

  /** An alternative shuts down soon: another one takes over while it still forwards, as soon as one can. [W28] */
  peerLeaving(name: string): void {
    const each = this.#selection.find(name);
    if (each === undefined) return;
    each.leavingUntil = this.#options.clock.now() + LEAVING_MS;
    this.tick();
  }

  /** Receives from this alternative, where the channel is known to arrive: make before break. */
  use(name: string): void {
    this.#selection.use(name);
  }

  /** A packet of this channel from `name`. @param continuous of a medium that has no pauses */
  packet(name: string, packet: Uint8Array, continuous: boolean): void {
    const now = this.#options.clock.now();
    const from = this.#selection.find(name);
    if (from === undefined || !this.#selection.isWanted) {
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
    if (now < this.#leavesOutUntil) this.packetsLost += this.#windows.forgetMissing();
    this.#mediaAt = now;
    this.#selection.heard();
    if (continuous) this.#continuous = true;
    this.packetsReceived++;
    this.bytesReceived += packet.byteLength;
    this.#options.events.onPacket(packet);
  }

  /** A control message of this channel, or one that answers a request of this receiver, from `name`. */
  control(name: string, message: ControlMessage, packet: Uint8Array): void {
    const from = this.#selection.find(name);
    if (from === undefined) return;
    const now = this.#options.clock.now();
    const isActive = this.#selection.active === from;
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
        bar(from, now);
        this.#options.events.onRefused(name, message);
        this.#selection.fail(from, message.message);
        return;
      case "ack":
        if (isActive) this.#windows.expect(message.points, now);
        return;
      case "gap":
        this.#skip(message.sequence, message.count, packet);
        this.#options.events.onInBand(message, packet);
        return;
      case "path":
        tellPath(from, message.sites, now);
        from.quietMs = message.quietMs;
        from.isThroughUs = message.sites.includes(this.#options.self);
        if (from.isThroughUs) {
          if (!isActive) return;
          this.#options.counters.add("loop");
          this.#selection.fail(from, "routing loop: the path already includes this site");
          this.tick();
          return;
        }
        if (isActive) this.#options.events.onInBand(message, packet);
        return;
      case "description":
      case "report":
      case "bye":
        if (this.wanted) this.#options.events.onInBand(message, packet);
        return;
      default:
    }
  }

  /** A subscriber misses a packet. True when it may still arrive; then it is requested upstream. [W27] */
  want(point: SourcePoint): boolean {
    const window = this.#windows.find(point);
    // Nothing of that source has arrived yet, but it may.
    if (window === undefined) return this.wanted;
    return window.want(point.sequence, this.#options.clock.now());
  }

  /** Newest identities received, for acknowledgements. */
  get newest(): SourcePoint[] {
    return this.#windows.newest(this.#options.clock.now());
  }

  /** Subscribes, switches and requests again as due. Called every 10 to 50 ms. */
  tick(): void {
    const now = this.#options.clock.now();
    this.#excuse(now - this.#tickedAt, now);
    this.#tickedAt = now;
    this.#selection.fill(now);
    for (const each of this.#selection.alternatives) this.#subscribe(each, now);
    if (!this.wanted) return;
    this.#selection.prefer(now);
    if (this.#continuous && now - this.#mediaAt >= this.silenceMs)
      this.#selection.rotate(now, this.#mediaAt);
    const { active } = this.#selection;
    this.packetsLost += this.#repair.tick(active?.peer, active?.id, now);
  }

  /**
   * While this process, or the active alternative, stood still, missing packets could not arrive: that time does not
   * count.
   */
  #excuse(passedMs: number, now: number): void {
    const stoodStill = passedMs >= LIMITS.heartbeatMs * 2;
    if (stoodStill) this.#mediaAt += passedMs;
    if (stoodStill || now - this.#mediaAt >= STALLED_MS) this.#repair.postpone(passedMs);
  }

  #switched(from: string | undefined, to: string, reason: string): void {
    this.#mediaAt = this.#options.clock.now();
    this.#repair.resumed(this.#mediaAt);
    this.#options.events.onSwitched(from, to, reason);
    this.tick();
  }

  #subscribe(each: Alternative, now: number): void {
    const forward = this.#selection.forwards(each);
    if (!this.#requests.isDue(each, forward, now)) return;
    // Make before break: an alternative stops only after its successor confirmed.
    const isLeft = each.confirmed === true && each.asked?.forward === true && !forward;
    const isNeeded = isLeft && this.wanted && !each.isThroughUs;
    if (isNeeded && this.#selection.active?.confirmed !== true) return;
    const isLive = this.#options.resumes?.() === false;
    const heard = isLive ? [] : this.#windows.resumePoints(now);
    if (forward && isLive) this.#leavesOutUntil = now + LEAVING_OUT_MS;
    const resume = forward ? (heard.length > 0 ? heard : this.#resume) : [];
    this.#requests.subscribe(each, forward, resume, now);
    if (forward && (isLive || heard.length > 0)) this.resumes++;
  }

  #keepCounts({ bytes, name, packets }: Alternative): void {
    const past = this.#past.get(name) ?? { packets: 0, bytes: 0 };
    this.#past.delete(name);
    if (past.packets + packets === 0) return;
    this.#past.set(name, { packets: past.packets + packets, bytes: past.bytes + bytes });
    const [oldest] = this.#past.keys();
    if (this.#past.size > LIMITS.pastInputsMax && oldest !== undefined) this.#past.delete(oldest);
  }

  #skip(sequence: number, count: number, packet: Uint8Array): void {
    const id = {
      source: sourceOf(packet),
      generation: generationOf(packet),
      medium: mediumOf(packet),
    };
    this.#windows.find(id)?.skip(sequence, Math.min(count, 0x8000), this.#options.clock.now());
  }
}
