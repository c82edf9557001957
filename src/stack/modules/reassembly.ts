import { LIMITS } from "../../base/index.ts";
import {
  channelOf,
  faultOf,
  generationOf,
  HEADER_BYTES,
  lengthOf,
  mediumOf,
  sequenceOf,
  sourceOf,
} from "../../wire/index.ts";

const OVERHEAD = HEADER_BYTES + 8;

/** Messages remembered after they were whole, so that their duplicates do not start again. */
const FINISHED_MAX = 256;

interface Unfinished {
  readonly startedMs: number;
  /** What all fragments of the message have in common, see {@link printOf}. */
  readonly print: number;
  readonly slices: (Uint8Array | undefined)[];
  missing: number;
  bytes: number;
}

/**
 * [S23]-[S26] Puts the fragments of one sender together, in whatever order they come.
 *
 * Bounded: `LIMITS.reassembliesMax` unfinished messages, each of at most `LIMITS.packetBytesMax` bytes in
 * `LIMITS.fragmentsMax` pieces, none older than `LIMITS.reassemblyMsMax` when another fragment arrives.
 */
export class Reassembly {
  /** By message number; the oldest first. */
  readonly #unfinished = new Map<number, Unfinished>();
  /** Message number to print; the oldest first. */
  readonly #finished = new Map<number, number>();
  readonly #stats = { whole: 0, duplicate: 0, expired: 0, evicted: 0, replaced: 0, malformed: 0 };

  /** Counts by outcome. `expired`, `evicted` and `replaced` are messages that were lost in part. */
  get stats(): Readonly<Record<string, number>> {
    return this.#stats;
  }

  /** Unfinished messages. */
  get count(): number {
    return this.#unfinished.size;
  }

  /** Bytes held for unfinished messages. */
  get bytes(): number {
    let sum = 0;
    for (const each of this.#unfinished.values()) sum += each.bytes;
    return sum;
  }

  /**
   * Takes one packet of kind `fragment`; copies what it keeps.
   *
   * @returns the packet, when it is whole; new bytes
   */
  push(fragment: Uint8Array, nowMs: number): Uint8Array | undefined {
    this.#expire(nowMs);
    const length = fragment.byteLength - OVERHEAD;
    if (length < 1) return this.#malformed();
    const view = new DataView(fragment.buffer, fragment.byteOffset + HEADER_BYTES, 8);
    const message = view.getUint32(0, true);
    const index = view.getUint16(4, true);
    const count = view.getUint16(6, true);
    if (count === 0 || count > LIMITS.fragmentsMax || index >= count) return this.#malformed();

    const print = printOf(fragment, count);
    if (this.#finished.get(message) === print) return this.#duplicate();
    const entry = this.#entry(message, print, count, nowMs);
    if (entry.slices[index] !== undefined) return this.#duplicate();
    if (entry.bytes + length > LIMITS.packetBytesMax) {
      this.#unfinished.delete(message);
      return this.#malformed();
    }
    // Not slice(), which is a view in subclasses that override it.
    entry.slices[index] = new Uint8Array(fragment.subarray(OVERHEAD));
    entry.bytes += length;
    entry.missing--;
    return entry.missing === 0 ? this.#finish(message, entry, fragment) : undefined;
  }

  #entry(message: number, print: number, count: number, nowMs: number): Unfinished {
    const known = this.#unfinished.get(message);
    if (known !== undefined && known.print === print) return known;
    if (known !== undefined) {
      // The number has come round, or the sender has started again: what there was will never be whole.
      this.#unfinished.delete(message);
      this.#stats.replaced++;
    } else if (this.#unfinished.size === LIMITS.reassembliesMax) {
      this.#unfinished.delete(this.#unfinished.keys().next().value as number);
      this.#stats.evicted++;
    }
    const entry = { startedMs: nowMs, print, slices: new Array(count), missing: count, bytes: 0 };
    this.#unfinished.set(message, entry);
    return entry;
  }

  #finish(message: number, entry: Unfinished, last: Uint8Array): Uint8Array | undefined {
    this.#unfinished.delete(message);
    const whole = new Uint8Array(entry.bytes);
    let at = 0;
    for (const slice of entry.slices) {
      if (slice === undefined) continue;
      whole.set(slice, at);
      at += slice.byteLength;
    }
    const isPacket = faultOf(whole) === undefined && lengthOf(whole) === whole.byteLength;
    if (!isPacket || printOf(whole, entry.slices.length) !== printOf(last, entry.slices.length)) {
      return this.#malformed();
    }
    this.#finished.delete(message);
    if (this.#finished.size === FINISHED_MAX) {
      this.#finished.delete(this.#finished.keys().next().value as number);
    }
    this.#finished.set(message, entry.print);
    this.#stats.whole++;
    return whole;
  }

  #expire(nowMs: number): void {
    for (const [message, entry] of this.#unfinished) {
      if (nowMs - entry.startedMs < LIMITS.reassemblyMsMax) return;
      this.#unfinished.delete(message);
      this.#stats.expired++;
    }
  }

  #duplicate(): undefined {
    this.#stats.duplicate++;
  }

  #malformed(): undefined {
    this.#stats.malformed++;
  }
}

/** 32 bits made of what a fragment has in common with its message: the identity of the inner packet, and the count. */
function printOf(packet: Uint8Array, count: number): number {
  let print = count;
  for (const part of [channelOf(packet), sourceOf(packet), sequenceOf(packet)]) {
    print = Math.imul(print ^ part, 0x9e3779b1);
    print ^= print >>> 15;
  }
  return (Math.imul(print, 0x85ebca6b) ^ (mediumOf(packet) << 8) ^ generationOf(packet)) | 0;
}
