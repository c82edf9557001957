import type { Clock } from "../../base/index.ts";
import type { HistoryEntry } from "../../channel/index.ts";
import type { Bundle } from "./bundle.ts";
import { LiveStreams } from "./live-streams.ts";
import { PeerOutlet } from "./outlet.ts";
import type { Subscriber } from "./subscriber.ts";

/** Subscribers are judged every 100 ms. After a longer pause this process stood still itself, ms. */
const STOOD_STILL_MS = 500;
/** What subscribers acknowledged meanwhile is read within this, ms. */
const GRACE_MS = 500;

/**
 * Sends the packets of a channel to its subscribers: to live datagram connections at once, those of a bundle by one
 * call; to live stream connections one write per frame, from one buffer for all; to others out of the history, until
 * they have caught up. [W52] [W53]
 */
export class Distributor {
  readonly subscribers = new Map<number, Subscriber>();
  /** The channel has video with flagged key frames: subscribers that skip continue at one. */
  hasVideo = false;
  /** Those that are not in a bundle. */
  readonly #liveDatagrams = new Set<Subscriber>();
  readonly #liveBundled = new Set<Subscriber>();
  /** How many live subscribers are in each bundle. */
  readonly #membersOf = new Map<Bundle, number>();
  /** The same bundles as an array, for iterating with each packet. */
  #bundles: readonly Bundle[] = [];
  readonly #streams: LiveStreams;
  readonly #waiting = new Set<Subscriber>();
  /** Those that skipped when they were last checked. */
  readonly #skipping = new Set<Subscriber>();
  #packetsOut = 0;
  #bytesOut = 0;
  readonly #clock: Pick<Clock, "now">;
  #judgedAt: number;
  #graceUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
    this.#judgedAt = clock.now();
    this.#streams = new LiveStreams({ clock, onSkips: (each) => this.#noteSkipping(each) });
  }

  /** Packets that subscribers were sent, and their bytes. */
  get packetsOut(): number {
    return this.#packetsOut + this.#streams.packetsOut;
  }

  get bytesOut(): number {
    return this.#bytesOut + this.#streams.bytesOut;
  }

  /** True when there are live subscribers over connections that may lose packets. */
  get hasDatagrams(): boolean {
    return this.#liveDatagrams.size + this.#liveBundled.size > 0;
  }

  /** Live subscribers over connections that may lose packets, including those in bundles. */
  *datagrams(): Generator<Subscriber> {
    yield* this.#liveDatagrams;
    yield* this.#liveBundled;
  }

  /** True when nothing is due: all live subscribers are in bundles or up to date, and no other waits. */
  get isCalm(): boolean {
    const { size } = this.#liveDatagrams;
    return size + this.#waiting.size + this.#skipping.size === 0 && this.#streams.isCalm;
  }

  /** Number of subscribers that are not standbys. */
  get forwardingCount(): number {
    let count = 0;
    for (const { state } of this.subscribers.values()) if (state !== "standby") count++;
    return count;
  }

  /** Sends the newest packet of the history to live subscribers. */
  deliver({ packet, position }: HistoryEntry): void {
    for (const bundle of this.#bundles) {
      const count = bundle.send(packet);
      this.#packetsOut += count;
      this.#bytesOut += count * packet.byteLength;
    }
    if (this.#liveDatagrams.size > 0) {
      for (const subscriber of this.#liveDatagrams) subscriber.send(packet, 1, position);
      this.#packetsOut += this.#liveDatagrams.size;
      this.#bytesOut += this.#liveDatagrams.size * packet.byteLength;
    }
    if (this.#skipping.size > 0) {
      for (const subscriber of this.#skipping) {
        if (subscriber.resumesWith(packet, this.hasVideo)) this.start(subscriber, position);
      }
    }
    this.#streams.deliver(packet, position);
  }

  /**
   * Begins to send to a subscriber from `position` on, paced until it has caught up.
   *
   * @param joinedAt a newcomer's: the position that the next packet will get
   * @param told serial number of the newest message in band that it has; undefined: it has them all
   */
  start(subscriber: Subscriber, position: number, joinedAt?: number, told?: number): void {
    this.detach(subscriber);
    subscriber.catchUp(position, { joinedAt, told });
    this.#waiting.add(subscriber);
  }

  /** Sends nothing more to a subscriber. */
  detach(subscriber: Subscriber): void {
    const { member } = subscriber.outlet;
    if (member !== undefined && this.#liveBundled.delete(subscriber)) {
      member.leave();
      this.#countMembers(member.bundle, -1);
    }
    this.#liveDatagrams.delete(subscriber);
    this.#streams.delete(subscriber);
    this.#waiting.delete(subscriber);
    this.#skipping.delete(subscriber);
  }

  /** Sends what is due to subscribers that catch up. @param rate of the channel, bytes per second */
  pump(rate: number): void {
    for (const subscriber of this.#waiting) this.#pump(subscriber, rate);
  }

  /**
   * Makes lagging subscribers skip, or closes them. Members of a bundle have no backlog of their own, so they cannot
   * lag. Nobody lags for the time in which this process stood still.
   */
  judge(): void {
    const now = this.#clock.now();
    if (now - this.#judgedAt > STOOD_STILL_MS) this.#graceUntil = now + GRACE_MS;
    this.#judgedAt = now;
    if (now < this.#graceUntil) return;
    this.#streams.judge();
    for (const subscribers of [this.#skipping, this.#liveDatagrams, this.#waiting]) {
      for (const subscriber of subscribers) {
        subscriber.judge();
        this.#noteSkipping(subscriber);
      }
    }
  }

  /** Writes what has waited long enough for more to be batched with it. */
  flush(): void {
    this.#streams.tick();
  }

  /**
   * Sends an in-band message to neighbours and viewers, in its place between packets.
   *
   * @param about `patient`: over live streams it may wait for the next frame. `repeated`: they already have it.
   * `standbys`: send it
   *   to standbys too
   */
  announce(
    packet: Uint8Array,
    about: {
      readonly patient?: boolean;
      readonly repeated?: boolean;
      readonly standbys?: boolean;
      readonly placed?: boolean;
    },
  ): void {
    const { patient = false, placed = false, repeated = false, standbys = false } = about;
    if (!repeated) this.#streams.announce(packet, patient);
    for (const subscriber of this.subscribers.values()) {
      const { outlet, state } = subscriber;
      if (!(outlet instanceof PeerOutlet) || (state === "standby" && !standbys)) continue;
      if (placed && state === "catching-up") continue;
      const isTold = this.#streams.has(subscriber) && (!repeated || outlet.kind === "viewer");
      if (!isTold) outlet.send(packet);
    }
  }

  #pump(subscriber: Subscriber, rate: number): void {
    const { packets, bytes } = subscriber;
    const done = subscriber.pump(rate);
    this.#packetsOut += subscriber.packets - packets;
    this.#bytesOut += subscriber.bytes - bytes;
    this.#noteSkipping(subscriber);
    if (!done) return;
    this.#waiting.delete(subscriber);
    subscriber.state = "live";
    const { coalesces, member } = subscriber.outlet;
    if (member === undefined) {
      if (coalesces) this.#streams.add(subscriber, subscriber.position);
      else this.#liveDatagrams.add(subscriber);
      return;
    }
    this.#liveBundled.add(subscriber);
    this.#countMembers(member.bundle, 1);
    member.enter();
  }

  #countMembers(bundle: Bundle, more: number): void {
    const members = (this.#membersOf.get(bundle) ?? 0) + more;
    if (members > 0) this.#membersOf.set(bundle, members);
    else this.#membersOf.delete(bundle);
    if (this.#membersOf.size !== this.#bundles.length) this.#bundles = [...this.#membersOf.keys()];
  }

  #noteSkipping(subscriber: Subscriber): void {
    if (subscriber.state !== "skipping" || this.#skipping.has(subscriber)) return;
    this.detach(subscriber);
    this.#skipping.add(subscriber);
  }
}
