import { FLAG, flagsOf, MEDIUM, mediumOf } from "../../wire/index.ts";

/** Packets kept at most: two seconds of 20 Mbit/s. */
const PACKETS_MAX = 4_096;

interface Kept {
  readonly packet: Uint8Array;
  readonly at: number;
}

/**
 * The latest packets of a standby input, so that it can fill the time in which the primary was silent, or start with a
 * key frame. Keeps the packets since the newest key frame, and those since a given time. Bounded.
 */
export class StandbyBuffer {
  #kept: Kept[] = [];
  #entry: Kept | undefined;

  /** Keeps `packet` (not copied), which arrived at `now` (ms), and the packets that arrived after `since` (ms). */
  keep(packet: Uint8Array, now: number, since: number): void {
    const kept = { packet, at: now };
    this.#kept.push(kept);
    if (isEntry(packet)) this.#entry = kept;
    const entryIndex =
      this.#entry === undefined ? this.#kept.length : this.#kept.indexOf(this.#entry);
    let stale = 0;
    while (stale < entryIndex && (this.#kept[stale]?.at ?? now) < since) stale++;
    stale = Math.max(stale, this.#kept.length - PACKETS_MAX);
    if (stale > entryIndex) this.#entry = undefined;
    if (stale > 0) this.#kept.splice(0, stale);
  }

  /** Packets that arrived at `since` (ms) or later, in order. */
  since(since: number): Uint8Array[] {
    return this.#kept.filter(({ at }) => at >= since).map(({ packet }) => packet);
  }

  /** Packets from the newest key frame on; none without one. */
  sinceEntry(): Uint8Array[] {
    const index = this.#entry === undefined ? -1 : this.#kept.indexOf(this.#entry);
    return index === -1 ? [] : this.#kept.slice(index).map(({ packet }) => packet);
  }

  clear(): void {
    this.#kept = [];
    this.#entry = undefined;
  }
}

/** Whether a decoder of video can start with a packet. */
export function isEntry(packet: Uint8Array): boolean {
  const both = FLAG.begin | FLAG.keyframe;
  return (flagsOf(packet) & both) === both && mediumOf(packet) !== MEDIUM.text;
}
