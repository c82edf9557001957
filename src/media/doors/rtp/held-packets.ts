import { serialDistance } from "../../../base/index.ts";
import { decodeRtp, type RtpPacket } from "../../../wire/index.ts";

/** A copy of an RTP packet that waits until it is known which run it belongs to. */
export interface HeldPacket {
  /** The whole datagram. */
  readonly bytes: Uint8Array;
  /** The same, decoded. */
  readonly rtp: RtpPacket;
  /** When it arrived, ms. */
  readonly at: number;
}

/** Packets in order of arrival. Bounded; the oldest are given up first. */
export class HeldPackets {
  #packets: HeldPacket[] = [];
  #bytes = 0;
  readonly #packetsMax: number;
  readonly #bytesMax: number;

  constructor({
    packetsMax,
    bytesMax,
  }: {
    readonly packetsMax: number;
    readonly bytesMax: number;
  }) {
    this.#packetsMax = packetsMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#packets.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get newest(): HeldPacket | undefined {
    return this.#packets.at(-1);
  }

  /** Keeps a copy. @param now ms. @returns how many were given up for it */
  add(bytes: Uint8Array, now: number): number {
    const copy = bytes.slice();
    const rtp = decodeRtp(copy);
    if (typeof rtp === "string") return 1;
    this.#packets.push({ bytes: copy, rtp, at: now });
    this.#bytes += copy.byteLength;
    let given = 0;
    while (this.count > this.#packetsMax || this.#bytes > this.#bytesMax) {
      this.#shift();
      given++;
    }
    return given;
  }

  /** A packet whose number is the one before `sequence` (u16) or after it: with that, two of one run. */
  neighbourOf(sequence: number): HeldPacket | undefined {
    return this.#packets.find(({ rtp }) => {
      return Math.abs(serialDistance(rtp.sequence, sequence, 16)) === 1;
    });
  }

  /** How many arrived at `since` (ms) or later. */
  countSince(since: number): number {
    let count = 0;
    while (count < this.count && (this.#packets[this.count - 1 - count]?.at ?? 0) >= since) count++;
    return count;
  }

  /** Gives up those that arrived before `ms`. @returns how many */
  dropBefore(ms: number): number {
    let count = 0;
    for (; (this.#packets[0]?.at ?? Number.POSITIVE_INFINITY) < ms; count++) this.#shift();
    return count;
  }

  /** In order of their numbers. */
  inOrder(): HeldPacket[] {
    return this.#packets.toSorted((one, other) => {
      return serialDistance(other.rtp.sequence, one.rtp.sequence, 16);
    });
  }

  /** Removes those that a condition holds for. @returns how many */
  removeIf(holds: (packet: HeldPacket) => boolean): number {
    const before = this.count;
    this.#packets = this.#packets.filter((packet) => !holds(packet));
    this.#bytes = this.#packets.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    return before - this.count;
  }

  /** Removes all, and returns them. */
  take(): HeldPacket[] {
    const packets = this.#packets;
    this.#packets = [];
    this.#bytes = 0;
    return packets;
  }

  #shift(): void {
    const oldest = this.#packets.shift();
    this.#bytes -= oldest?.bytes.byteLength ?? 0;
  }
}
