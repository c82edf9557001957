import { type Clock, LIMITS } from "../../base/index.ts";
import { FLAG, flagsOf } from "../../wire/index.ts";
import type { PacketSender } from "./outlet.ts";
import { SharedSends } from "./shared-sends.ts";
import { joinPackets, type Subscriber } from "./subscriber.ts";

/** Bytes of one write; a larger frame goes in several. */
const BATCH_BYTES = 56 * 1024;
/** A patient in-band message waits this long for a frame, ms: the cost of a write hardly depends on its size. */
const PATIENT_MS = 500;

export interface LiveStreamsOptions {
  readonly clock: Pick<Clock, "now">;
  /** A member's connection is full, or it lags: it skips from now on. */
  onSkips(subscriber: Subscriber): void;
}

/**
 * Live subscribers over streams: one write per frame for each, from one buffer for all, including the in-band messages
 * before it. [W53]
 *
 * Work for each member is done thousands of times a second, and every object that it touches has to be fetched from
 * memory: so frames are sent directly, past the peer, and everything else is counted once for all.
 */
export class LiveStreams {
  /** Packets and bytes of media that members were sent. */
  packetsOut = 0;
  bytesOut = 0;
  readonly #options: LiveStreamsOptions;
  readonly #sends: SharedSends;
  /** Members, the sender of each at the same index, and the index of each. */
  readonly #members: Subscriber[] = [];
  readonly #senders: PacketSender[] = [];
  readonly #indices = new Map<Subscriber, number>();
  /** Which half of the members is judged next. */
  #turn = 0;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  /** Packets of media in the batch, and their bytes. */
  #packets = 0;
  #packetBytes = 0;
  /** Position of the newest of them. */
  #position = -1;
  /** Up to this position all members were sent everything. */
  #sent = -1;
  /** When the batch has to be sent. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(options: LiveStreamsOptions) {
    this.#options = options;
    this.#sends = new SharedSends(options.clock);
  }

  get size(): number {
    return this.#members.length;
  }

  /** True when nothing waits to be sent at the next tick. */
  get isCalm(): boolean {
    return this.#packets === 0 && this.#dueAt - this.#options.clock.now() > 0;
  }

  has(subscriber: Subscriber): boolean {
    return this.#indices.has(subscriber);
  }

  /** Adds a subscriber that has everything up to `position`. */
  add(subscriber: Subscriber, position: number): void {
    // It already has what the batch holds: the others get that before it joins them.
    this.flush();
    this.#sent = position;
    this.#indices.set(subscriber, this.#members.length);
    this.#members.push(subscriber);
    this.#senders.push(subscriber.enter(this.#sends, position + 1));
  }

  delete(subscriber: Subscriber): void {
    const index = this.#indices.get(subscriber);
    if (index === undefined) return;
    this.#indices.delete(subscriber);
    const last = this.#members.pop() as Subscriber;
    const sender = this.#senders.pop() as PacketSender;
    if (last !== subscriber) {
      this.#members[index] = last;
      this.#senders[index] = sender;
      this.#indices.set(last, index);
    }
    subscriber.leave(this.#sent);
  }

  /** Adds the newest packet of the history to the batch, and sends the batch at the end of a frame. */
  deliver(packet: Uint8Array, position: number): void {
    if (this.#members.length === 0) return;
    this.#collect(packet);
    this.#packets++;
    this.#packetBytes += packet.byteLength;
    this.#position = position;
    if ((flagsOf(packet) & FLAG.end) !== 0) this.flush();
  }

  /** Adds an in-band message, in its place between packets. @param patient it may wait for the next frame */
  announce(packet: Uint8Array, patient: boolean): void {
    if (this.#members.length === 0) return;
    this.#collect(packet);
    const now = this.#options.clock.now();
    this.#dueAt = Math.min(this.#dueAt, patient ? now + PATIENT_MS : now);
  }

  /** Sends what has waited long enough; media waits until the next tick at most. */
  tick(): void {
    if (this.#packets > 0 || this.#options.clock.now() >= this.#dueAt) this.flush();
  }

  /** Sends what is collected. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const bytes = joinPackets(this.#batch, this.#batchBytes);
    const position = this.#position;
    const packets = this.#packets;
    const packetBytes = this.#packetBytes;
    this.#batch = [];
    this.#batchBytes = this.#packets = this.#packetBytes = 0;
    this.#dueAt = Number.POSITIVE_INFINITY;
    if (packets > 0) this.#sends.log.sent(position);
    this.packetsOut += packets * this.#members.length;
    this.bytesOut += packetBytes * this.#members.length;
    // From the end: a member that leaves meanwhile is replaced by one that was already sent to.
    for (let index = this.#senders.length - 1; index >= 0; index--) {
      if (this.#senders[index]?.send(bytes) === false) this.#refused(index, packets);
    }
    // Members that left in between were not sent this.
    this.#sends.packets += packets;
    this.#sends.bytes += packetBytes;
    this.#sends.sentAt = this.#options.clock.now();
    if (packets > 0) this.#sent = position;
  }

  /** Makes lagging members skip: half of the members at each call. */
  judge(): void {
    const late = this.#sends.log.lastBefore(this.#options.clock.now() - LIMITS.lagSkipMs);
    this.#turn = 1 - this.#turn;
    for (let index = this.#members.length - 1 - this.#turn; index >= 0; index -= 2) {
      const subscriber = this.#members[index];
      if (subscriber === undefined || subscriber.hasConsumed(late)) continue;
      subscriber.judge();
      if (subscriber.state === "skipping") this.#options.onSkips(subscriber);
    }
  }

  #refused(index: number, packets: number): void {
    const subscriber = this.#members[index];
    // It may have left during the send.
    if (subscriber === undefined) return;
    subscriber.refused(packets);
    if (subscriber.state === "skipping") this.#options.onSkips(subscriber);
  }

  #collect(packet: Uint8Array): void {
    if (this.#batchBytes + packet.byteLength > BATCH_BYTES) this.flush();
    this.#batch.push(packet);
    this.#batchBytes += packet.byteLength;
  }
}
