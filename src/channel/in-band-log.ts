import { generationOf, mediumOf, sourceOf } from "../wire/index.ts";

/** Messages kept: at ten a second, as long as the history reaches back. */
const MESSAGES_MAX = 256;

/** A message that a source or a site put into a channel. */
export interface InBandEntry {
  readonly packet: Uint8Array;
  readonly type: "description" | "report" | "bye";
  /** Of the first packet of the history that came after it. */
  readonly position: number;
  /** Rises by one with each message. */
  readonly serial: number;
}

/**
 * The last messages in band of a channel, each with its place among the packets of the {@link History}: who continues
 * from an earlier packet is told what was said in between where it was said. [W53]
 */
export class InBandLog {
  #entries: InBandEntry[] = [];
  #next = 0;

  /** The serial number of the newest message; -1: none yet. */
  get newest(): number {
    return this.#next - 1;
  }

  /** Adds a message, which is retained. @param position that the next packet of the history will get */
  add(type: InBandEntry["type"], packet: Uint8Array, position: number): void {
    this.#entries.push({ packet, type, position, serial: this.#next++ });
    if (this.#entries.length >= 2 * MESSAGES_MAX)
      this.#entries = this.#entries.slice(-MESSAGES_MAX);
  }

  /** The oldest message after `serial` that was said before the packet at `position`. */
  next(serial: number, position: number): InBandEntry | undefined {
    const [first] = this.#entries;
    if (first === undefined) return undefined;
    const entry = this.#entries[Math.max(0, serial + 1 - first.serial)];
    return entry !== undefined && entry.position <= position ? entry : undefined;
  }

  /**
   * The newest description and reports that were said before the packet at `position`, oldest first, and the serial
   * number of the newest message until then; -1: none.
   */
  standing(position: number): { readonly entries: InBandEntry[]; readonly serial: number } {
    const newest = new Map<string, InBandEntry>();
    let serial = -1;
    for (const entry of this.#entries) {
      if (entry.position > position) break;
      serial = entry.serial;
      if (entry.type === "bye") continue;
      const { packet, type } = entry;
      const source = type === "report" ? ` ${sourceOf(packet)} ${generationOf(packet)}` : "";
      const key = `${type} ${mediumOf(packet)}${source}`;
      newest.delete(key);
      newest.set(key, entry);
    }
    return { entries: [...newest.values()], serial };
  }
}
