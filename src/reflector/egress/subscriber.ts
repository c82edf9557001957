import { type Clock, Counters, LIMITS } from "../../base/index.ts";
import { type History, isKeyStart } from "../../channel/index.ts";
import type { SourcePoint } from "../../wire/index.ts";
import type { SubscriberSnapshot } from "../snapshot.ts";
import type { Outlet, PacketSender } from "./outlet.ts";
import { SendLog } from "./send-log.ts";
import type { SharedSends } from "./shared-sends.ts";

/** `standby`: subscribed, carries nothing. */
export type SubscriberState = "live" | "catching-up" | "skipping" | "standby";

/** Bytes put into one write while catching up. */
const CHUNK_BYTES = 48 * 1024;
/** Bytes that a newcomer gets at once, before pacing: a key frame of ordinary size. */
const BURST_BYTES = 64 * 1024;
/** Lower bound of pacing, bytes per second: channels of a few messages have almost no rate. */
const RATE_MIN = 128 * 1024;
/** Unsent bytes at which catching up waits. */
const CATCH_UP_BACKLOG = 1024 * 1024;

/** One subscriber of a channel at this site: its position, its lag, and what was dropped for it. [W50]-[W54] */
export class Subscriber {
  readonly id: number;
  readonly outlet: Outlet;
  readonly drops: Counters;
  state: SubscriberState = "standby";
  /** Number of the request that set the state; -1: none since it joined. */
  request = -1;
  /** Sent to it alone; while it shares sends, less what had been shared before. */
  #packets = 0;
  #bytes = 0;
  readonly #history: History;
  readonly #clock: Clock;
  /** Next position to send while catching up. */
  #cursor = 0;
  /** A newcomer's: what had ended when the channel stood there is not sent to it. */
  #joinedAt = Number.NEGATIVE_INFINITY;
  /** Serial number of the newest message in band that it was told. */
  #told = -1;
  #credit = 0;
  #creditAt = 0;
  /** The newest position that was acknowledged. */
  #acknowledged = -1;
  /** Sent to it alone, and not acknowledged. */
  #alone: SendLog | undefined;
  /** The sends that it shares with others. */
  #group: SharedSends | undefined;
  /** Sent to it together with others, and not acknowledged, between these positions. */
  #shared: SendLog | undefined;
  #sharedFrom = 0;
  #sharedTo = 0;

  constructor(id: number, outlet: Outlet, history: History, clock: Clock) {
    this.id = id;
    this.outlet = outlet;
    this.drops = outlet.drops ?? new Counters();
    this.#history = history;
    this.#clock = clock;
  }

  /** Packets sent to it, and their bytes. */
  get packets(): number {
    return this.#packets + (this.outlet.member?.packets ?? 0) + (this.#group?.packets ?? 0);
  }

  get bytes(): number {
    return this.#bytes + (this.outlet.member?.bytes ?? 0) + (this.#group?.bytes ?? 0);
  }

  /** Keeps the counts of a membership that ends. It has left that bundle. */
  loseMember(member: { readonly packets: number; readonly bytes: number }): void {
    this.#packets += member.packets;
    this.#bytes += member.bytes;
  }

  /**
   * Starts sending from `position` of the history, paced.
   *
   * @param joinedAt a newcomer's: the position that the next packet will get; sources that have ended are left out
   * @param told serial number of the newest message in band that it has; those after it are sent in their places
   */
  catchUp(
    position: number,
    { joinedAt = Number.NEGATIVE_INFINITY, told = this.#history.messages.newest } = {},
  ): void {
    this.#joinedAt = joinedAt;
    this.#told = told;
    this.state = "catching-up";
    this.#cursor = position;
    this.#credit = BURST_BYTES;
    this.#creditAt = this.#clock.now();
  }

  /** The newest position sent to it while it caught up. */
  get position(): number {
    return this.#cursor - 1;
  }

  /** Becomes a standby. */
  rest(): void {
    this.state = "standby";
    this.#alone = this.#shared = undefined;
  }

  /** Shares sends with others from `position` on; they are made directly. @returns what they are sent to */
  enter(group: SharedSends, position: number): PacketSender {
    this.#group = group;
    this.#packets -= group.packets;
    this.#bytes -= group.bytes;
    if (this.outlet.acknowledgeMs !== undefined) {
      this.#shared = group.log;
      this.#sharedFrom = position;
      this.#sharedTo = Number.POSITIVE_INFINITY;
    }
    return this.outlet.openDirect?.(group) ?? this.outlet;
  }

  /** Ends sharing sends, of which nothing after `position` was sent to it. */
  leave(position: number): void {
    if (this.#group === undefined) return;
    this.#packets += this.#group.packets;
    this.#bytes += this.#group.bytes;
    this.#group = undefined;
    this.outlet.closeDirect?.();
    if (this.#acknowledged >= position) this.#shared = undefined;
    else this.#sharedTo = position;
  }

  /** Its connection refused a shared send. @param count packets of media in it */
  refused(count: number): void {
    if (count === 0) return;
    this.drops.add("queue-full", count);
    this.state = "skipping";
  }

  /** Sends packets of the history. @param position of the last of them */
  send(packets: Uint8Array, count: number, position: number): void {
    if (this.outlet.wants?.(packets) === false) return;
    if (!this.outlet.send(packets)) {
      this.drops.add("queue-full", count);
      if (this.outlet.coalesces) this.state = "skipping";
      return;
    }
    this.#packets += count;
    this.#bytes += packets.byteLength;
    if (this.outlet.acknowledgeMs === undefined) return;
    this.#alone ??= new SendLog(this.#clock);
    this.#alone.sent(position);
  }

  /**
   * Sends what is due while it catches up.
   *
   * @param rate of the channel, bytes per second.
   * @returns true when it has caught up
   */
  pump(rate: number): boolean {
    const now = this.#clock.now();
    const pace = Math.max(RATE_MIN, rate * LIMITS.resumeRateMax);
    this.#credit = Math.min(BURST_BYTES, this.#credit + ((now - this.#creditAt) * pace) / 1000);
    this.#creditAt = now;
    if (this.#cursor < this.#history.start) {
      const entry = this.#history.entryPoint;
      this.drops.add("history-passed", entry - this.#cursor);
      this.#cursor = entry;
    }
    while (this.#cursor < this.#history.end && this.state === "catching-up") {
      if (this.#credit <= 0 || this.outlet.backlog().bytes > CATCH_UP_BACKLOG) return false;
      this.#sendChunk();
    }
    if (this.state !== "catching-up") return false;
    this.#tell(this.#history.end);
    return true;
  }

  /** Drops a packet while skipping. @returns true when the flow continues with it */
  resumesWith(packet: Uint8Array, hasVideo: boolean): boolean {
    if (this.state !== "skipping") return false;
    const isSwift = this.lagMs < LIMITS.lagSkipMs / 2 + this.#patienceMs;
    const ready = isSwift && (!hasVideo || isKeyStart(packet));
    if (!ready) this.drops.add("slow-subscriber");
    return ready;
  }

  /** Notes the newest identities that the other end has consumed. */
  acknowledge(points: readonly SourcePoint[]): void {
    const position = this.#history.positionOf(points);
    if (position <= this.#acknowledged) return;
    this.#acknowledged = position;
    if (position >= this.#sharedTo) this.#shared = undefined;
    if (this.#alone === undefined) return;
    this.#alone.settle(position);
    if (this.#alone.isEmpty) this.#alone = undefined;
  }

  /** Whether everything up to `position`, and everything sent to it alone, is acknowledged: then it does not lag. */
  hasConsumed(position: number): boolean {
    if (this.outlet.acknowledgeMs === undefined || this.#alone !== undefined) return false;
    return this.#acknowledged >= position || this.#sharedFrom > position;
  }

  /** Time since the oldest unacknowledged (or unwritten) packet was sent, ms. */
  get lagMs(): number {
    return Math.max(this.#unacknowledgedMs, this.outlet.backlog().oldestMs);
  }

  get #unacknowledgedMs(): number {
    const sentAlone = this.#alone?.firstAfter(this.#acknowledged);
    const sentShared = this.#shared?.firstAfter(Math.max(this.#acknowledged, this.#sharedFrom - 1));
    const at = Math.min(
      sentAlone ?? Number.POSITIVE_INFINITY,
      sentShared ?? Number.POSITIVE_INFINITY,
    );
    return Number.isFinite(at) ? this.#clock.now() - at : 0;
  }

  /** Skips when it lags, and is closed when it keeps lagging, so that it never slows others. */
  judge(): void {
    if (this.state === "standby") return;
    const lag = this.lagMs;
    if (lag > LIMITS.lagCloseMs) {
      this.outlet.close("too-slow", `nothing was acknowledged for ${Math.round(lag / 1000)} s`);
    } else if (lag > LIMITS.lagSkipMs + this.#patienceMs && this.state !== "skipping") {
      this.state = "skipping";
      this.drops.add("skips");
    }
  }

  /** Additional time before it counts as lagging, since it was asked for fewer acknowledgements, ms. */
  get #patienceMs(): number {
    return Math.max(0, (this.outlet.acknowledgeMs ?? 0) - LIMITS.ackMs);
  }

  snapshot(): SubscriberSnapshot {
    const { id, outlet, state, packets, bytes, drops } = this;
    const { kind, name, address, stack } = outlet;
    const lagMs = Math.round(this.lagMs);
    return { id, kind, name, address, stack, state, packets, bytes, lagMs, drops: drops.toJSON() };
  }

  /** Sends the messages in band that were said before the packet at `position`. */
  #tell(position: number): void {
    for (;;) {
      const entry = this.#history.messages.next(this.#told, position);
      if (entry === undefined) return;
      this.#told = entry.serial;
      if (this.outlet.kind !== "rtp") this.outlet.send(entry.packet);
    }
  }

  #sendChunk(): void {
    const packets: Uint8Array[] = [];
    let bytes = 0;
    this.#tell(this.#cursor);
    do {
      if (this.#history.messages.next(this.#told, this.#cursor) !== undefined) break;
      const entry = this.#history.at(this.#cursor);
      if (entry === undefined) break;
      this.#cursor++;
      if (this.#history.hadEnded(entry.packet, this.#joinedAt)) continue;
      packets.push(entry.packet);
      bytes += entry.packet.byteLength;
    } while (
      this.outlet.coalesces &&
      bytes < CHUNK_BYTES &&
      bytes < this.#credit &&
      this.#cursor < this.#history.end
    );
    this.#credit -= bytes;
    if (packets.length > 0)
      this.send(joinPackets(packets, bytes), packets.length, this.#cursor - 1);
  }
}

/** Joins packets into one buffer. A single packet is returned as it is. */
export function joinPackets(packets: readonly Uint8Array[], bytes: number): Uint8Array {
  if (packets.length === 1) return packets[0] as Uint8Array;
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const packet of packets) {
    joined.set(packet, at);
    at += packet.byteLength;
  }
  return joined;
}
