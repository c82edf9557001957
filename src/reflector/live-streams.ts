import { type Clock, LIMITS } from "../base/index.ts";
import { FLAG, flagsOf } from "../wire/index.ts";
import { SendLog } from "./send-log.ts";
import { joinPackets, type Subscriber } from "./subscriber.ts";

/** Bytes of one write; a larger frame goes in several. */
const BATCH_BYTES = 56 * 1024;
/** What is said in band waits so long for a frame to go with, ms: a write costs much the same whatever its size. */
const COMPANY_MS = 500;

export interface LiveStreamsOptions {
  readonly clock: Pick<Clock, "now">;
  /** A member's connection took no more, or it lags: it skips from now on. */
  onSkips(subscriber: Subscriber): void;
}

/**
 * Live subscribers over streams: one write per frame for each, from one buffer for all, with what is said in band before it.
 * What is done for each member is done thousands of times a second. [W53]
 */
export class LiveStreams {
  /** Packets and bytes of media that members were sent. */
  packetsOut = 0;
  bytesOut = 0;
  readonly #options: LiveStreamsOptions;
  readonly #members = new Set<Subscriber>();
  readonly #log: SendLog;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  /** Packets of media in the batch, and their bytes. */
  #packets = 0;
  #packetBytes = 0;
  /** Position of the newest of them. */
  #position = -1;
  /** Up to this position all members were sent everything. */
  #sent = -1;
  /** When the batch has to go. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(options: LiveStreamsOptions) {
    this.#options = options;
    this.#log = new SendLog(options.clock);
  }

  get size(): number {
    return this.#members.size;
  }

  /** True when nothing waits to be sent at the next tick. */
  get isCalm(): boolean {
    return this.#packets === 0 && this.#dueAt - this.#options.clock.now() > 0;
  }

  has(subscriber: Subscriber): boolean {
    return this.#members.has(subscriber);
  }

  /** Lets one in that has everything up to `position`. */
  add(subscriber: Subscriber, position: number): void {
    // What the batch holds it has already: the others get that before it joins them.
    this.flush();
    this.#sent = position;
    this.#members.add(subscriber);
    subscriber.enter(this.#log, position + 1);
  }

  delete(subscriber: Subscriber): void {
    if (this.#members.delete(subscriber)) subscriber.leave(this.#log, this.#sent);
  }

  /** The newest packet of the history. */
  take(packet: Uint8Array, position: number): void {
    if (this.#members.size === 0) return;
    this.#collect(packet);
    this.#packets++;
    this.#packetBytes += packet.byteLength;
    this.#position = position;
    if ((flagsOf(packet) & FLAG.end) !== 0) this.flush();
  }

  /** Something said in band, in its place between packets. `patient`: it can wait for the next frame. */
  announce(packet: Uint8Array, patient: boolean): void {
    if (this.#members.size === 0) return;
    this.#collect(packet);
    const now = this.#options.clock.now();
    this.#dueAt = Math.min(this.#dueAt, patient ? now + COMPANY_MS : now);
  }

  /** Sends what has waited long enough: media until the next tick. */
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
    if (packets > 0) this.#log.sent(position);
    this.packetsOut += packets * this.#members.size;
    this.bytesOut += packetBytes * this.#members.size;
    for (const subscriber of this.#members) {
      if (!subscriber.sendShared(bytes, packets, packetBytes)) this.#options.onSkips(subscriber);
    }
    // Who left in between was not sent this.
    if (packets > 0) this.#sent = position;
  }

  /** Looks who lags. */
  judge(): void {
    const late = this.#log.lastBefore(this.#options.clock.now() - LIMITS.lagSkipMs);
    for (const subscriber of this.#members) {
      if (subscriber.hasConsumed(late)) continue;
      subscriber.judge();
      if (subscriber.state === "skipping") this.#options.onSkips(subscriber);
    }
  }

  #collect(packet: Uint8Array): void {
    if (this.#batchBytes + packet.byteLength > BATCH_BYTES) this.flush();
    this.#batch.push(packet);
    this.#batchBytes += packet.byteLength;
  }
}
