import { LIMITS, serialDistance } from "../base/index.ts";
import {
  FLAG,
  flagsOf,
  generationOf,
  KIND,
  kindOf,
  mediumOf,
  type SourcePoint,
  sequenceBitsOf,
  sequenceOf,
  sourceOf,
} from "../wire/index.ts";
import { InBandLog } from "./in-band-log.ts";

/** A packet in the history. */
export interface HistoryEntry {
  readonly packet: Uint8Array;
  /** When it arrived, ms. */
  readonly at: number;
  /** Rises by one with each packet of the channel, in order of arrival. */
  readonly position: number;
}

/** Packets are kept for this long, as far as bytes allow, ms: a resume may reach back beyond the newest key frame. */
const KEEP_MS = 10_000;
/** How often old packets are removed, ms. */
const EVICT_MS = 100;
/** Packets of one source that can be found by identity. A power of two. */
const SLOTS = 4_096;

/** What the history knows of one source. */
interface SourceHistory {
  readonly key: number;
  readonly bits: 16 | 32;
  readonly slots: (HistoryEntry | undefined)[];
  /** Position of its newest key frame; -1: none. */
  keyStart: number;
  /** Position of its newest packet. */
  newest: number;
  lastAt: number;
  /** The position that the next packet of the channel had when the source ended; undefined: it has not. */
  endedAt: number | undefined;
  /** Its newest message, for data: later subscribers get the current value. */
  retained: HistoryEntry | undefined;
}

/**
 * The last packets of a channel in order of arrival: back to the newest key frame of each video source, and 10 s,
 * within bounds of bytes and packets. Of each data source, the newest message is always kept. What an ended source has
 * sent is there for its subscribers, and not for newcomers. [W50]
 */
export class History {
  /** Bytes of packets kept. */
  bytesMax: number;
  /** What was said between the packets. */
  readonly messages = new InBandLog();
  #entries: HistoryEntry[] = [];
  #head = 0;
  #next = 0;
  #bytes = 0;
  readonly #sources = new Map<number, SourceHistory>();
  /** The source of the last packet: often also that of the next one. */
  #last: SourceHistory | undefined;
  #evictAt = Number.NEGATIVE_INFINITY;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** The position that the next packet will get. */
  get end(): number {
    return this.#next;
  }

  /** The oldest position held; `end` when empty. */
  get start(): number {
    return this.#next - this.count;
  }

  get count(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Time between the oldest and the newest packet held, ms. */
  get spanMs(): number {
    const first = this.#entries[this.#head];
    const last = this.#entries.at(-1);
    return first === undefined || last === undefined ? 0 : last.at - first.at;
  }

  /** Appends a packet, which is retained: never modify it afterwards. */
  add(packet: Uint8Array, now: number): HistoryEntry {
    const entry = { packet, at: now, position: this.#next++ };
    this.#entries.push(entry);
    this.#bytes += packet.byteLength;
    const source = this.#sourceFor(packet);
    source.slots[sequenceOf(packet) & (SLOTS - 1)] = entry;
    source.lastAt = now;
    source.newest = entry.position;
    if (kindOf(packet) === KIND.data) source.retained = entry;
    else if (isKeyStart(packet)) source.keyStart = entry.position;
    this.#evict(now);
    return entry;
  }

  /** The entry at a position, if held. */
  at(position: number): HistoryEntry | undefined {
    return position < this.start ? undefined : this.#entries[this.#head + position - this.start];
  }

  /** The first position that arrived at `ms` or later; `end` when there is none. */
  positionSince(ms: number): number {
    let position = this.end;
    while (position > this.start && (this.at(position - 1) as HistoryEntry).at >= ms) position--;
    return position;
  }

  /** The packet with this identity, if held. */
  find(point: SourcePoint): HistoryEntry | undefined {
    const source = this.#sources.get(keyOf(point.source, point.generation, point.medium));
    const entry = source?.slots[point.sequence & (SLOTS - 1)];
    return entry !== undefined && sequenceOf(entry.packet) === point.sequence ? entry : undefined;
  }

  /**
   * How far someone has come who has had `points`: the newest position at which only packets of these numbers, or of
   * earlier ones that they overtook, are up to there; -1: none of them is held.
   */
  positionOf(points: readonly SourcePoint[]): number {
    let position = -1;
    for (const point of points) position = Math.max(position, this.find(point)?.position ?? -1);
    if (position < 0) return position;
    for (;;) {
      const next = this.at(position + 1)?.packet;
      if (next === undefined || !points.some((point) => isUpTo(next, point))) return position;
      position++;
    }
  }

  /** Width of a source's sequence numbers, bits; 32 for an unknown source. */
  bitsOf(point: SourcePoint): 16 | 32 {
    return this.#sources.get(keyOf(point.source, point.generation, point.medium))?.bits ?? 32;
  }

  /** A source has ended: newcomers get nothing of it any more. */
  sourceEnded({ source, generation, medium }: Omit<SourcePoint, "sequence">): void {
    const ended = this.#sources.get(keyOf(source, generation, medium));
    if (ended !== undefined) ended.endedAt ??= this.#next;
  }

  /** All sources have ended. */
  allEnded(): void {
    for (const source of this.#sources.values()) source.endedAt ??= this.#next;
  }

  /** Whether the source of a packet had ended when the channel stood at `position`. */
  hadEnded(packet: Uint8Array, position: number): boolean {
    const { endedAt = Number.POSITIVE_INFINITY } = this.#sources.get(sourceKey(packet)) ?? {};
    return endedAt <= position;
  }

  /** Removes what is old if all sources have ended, since no packet will replace it. @param now ms */
  expire(now: number): void {
    for (const { endedAt } of this.#sources.values()) if (endedAt === undefined) return;
    this.#evict(now);
  }

  /** Where a newcomer begins: the newest key frame of video, else the newest packet; `end` when there is none. */
  get entryPoint(): number {
    let [key, newest] = [-1, -1];
    for (const source of this.#sources.values()) {
      if (source.endedAt !== undefined) continue;
      key = Math.max(key, source.keyStart);
      newest = Math.max(newest, source.newest);
    }
    if (key >= this.start) return key;
    return newest >= this.start ? newest : this.end;
  }

  /** The kept messages of data sources from before `position`. */
  retainedBefore(position: number): HistoryEntry[] {
    return [...this.#sources.values()]
      .flatMap(({ endedAt, retained }) => {
        if (endedAt !== undefined || retained === undefined) return [];
        return retained.position < position ? [retained] : [];
      })
      .sort((a, b) => a.position - b.position);
  }

  /**
   * Where a subscriber that has everything before `points` continues: the oldest position of a wanted packet.
   * `complete` is false when wanted packets have left the history: the flow then starts at the entry point.
   */
  resumePoint(points: readonly SourcePoint[]): {
    readonly position: number;
    readonly complete: boolean;
  } {
    const wanted = new Map(
      points.map((p) => [keyOf(p.source, p.generation, p.medium), p.sequence]),
    );
    const reached = new Set<number>();
    const beyond = new Set<number>();
    let position = this.end;
    for (let index = this.#head; index < this.#entries.length; index++) {
      const { packet, position: here } = this.#entries[index] as HistoryEntry;
      const key = sourceKey(packet);
      const from = wanted.get(key);
      // Of an ended source that it does not name, it has everything, or is a newcomer.
      if (from === undefined && this.#sources.get(key)?.endedAt !== undefined) continue;
      const ahead =
        from === undefined ? 0 : serialDistance(from, sequenceOf(packet), sequenceBitsOf(packet));
      if (from !== undefined) (ahead <= 0 ? reached : beyond).add(key);
      if (ahead >= 0 && here < position) position = here;
    }
    // Only packets after the point are held: those between have left the history.
    const complete = [...beyond].every((key) => reached.has(key));
    return complete ? { position, complete } : { position: this.entryPoint, complete };
  }

  #sourceFor(packet: Uint8Array): SourceHistory {
    const key = sourceKey(packet);
    if (this.#last?.key === key) return this.#last;
    const known = this.#sources.get(key);
    if (known !== undefined) {
      this.#last = known;
      return known;
    }
    if (this.#sources.size >= LIMITS.sourcesMax) this.#forgetOldestSource();
    const bits = sequenceBitsOf(packet);
    const slots = new Array<HistoryEntry | undefined>(SLOTS);
    const made: SourceHistory = {
      ...{ key, bits, slots, keyStart: -1, newest: -1, lastAt: 0 },
      ...{ endedAt: undefined, retained: undefined },
    };
    this.#sources.set(key, made);
    this.#last = made;
    return made;
  }

  #forgetOldestSource(): void {
    let oldest: number | undefined;
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const [key, { lastAt }] of this.#sources) {
      if (lastAt < oldestAt) [oldest, oldestAt] = [key, lastAt];
    }
    if (oldest !== undefined) this.#sources.delete(oldest);
    this.#last = undefined;
  }

  /** True when the bounds are exceeded. */
  get #isOver(): boolean {
    return this.#bytes > this.bytesMax || this.count > LIMITS.historyPacketsMax;
  }

  #evict(now: number): void {
    if (now < this.#evictAt && !this.#isOver) return;
    this.#evictAt = now + EVICT_MS;
    let keepFrom = this.#next;
    for (const { keyStart, lastAt } of this.#sources.values()) {
      // An ended source does not retain the rest.
      if (keyStart >= 0 && now - lastAt < KEEP_MS) keepFrom = Math.min(keepFrom, keyStart);
    }
    for (;;) {
      const oldest = this.#entries[this.#head];
      if (oldest === undefined) break;
      if (!this.#isOver && (now - oldest.at <= KEEP_MS || oldest.position >= keepFrom)) break;
      this.#drop(oldest);
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  #drop(entry: HistoryEntry): void {
    this.#entries[this.#head++] = undefined as unknown as HistoryEntry;
    this.#bytes -= entry.packet.byteLength;
    const source = this.#sources.get(sourceKey(entry.packet));
    if (source === undefined) return;
    const slot = sequenceOf(entry.packet) & (SLOTS - 1);
    if (source.slots[slot] === entry) source.slots[slot] = undefined;
    if (source.keyStart === entry.position) source.keyStart = -1;
  }
}

/** Whether a packet is the first that a decoder needs of a frame that depends on no earlier one. */
export function isKeyStart(packet: Uint8Array): boolean {
  const flags = flagsOf(packet);
  return (flags & FLAG.keyframe) !== 0 && (flags & FLAG.begin) !== 0;
}

/** Whether a packet is of a point's source, and not beyond the point. */
function isUpTo(packet: Uint8Array, point: SourcePoint): boolean {
  if (sourceKey(packet) !== keyOf(point.source, point.generation, point.medium)) return false;
  return serialDistance(sequenceOf(packet), point.sequence, sequenceBitsOf(packet)) >= 0;
}

function sourceKey(packet: Uint8Array): number {
  return keyOf(sourceOf(packet), generationOf(packet), mediumOf(packet));
}

function keyOf(source: number, generation: number, medium: number): number {
  return source * 0x1_0000 + generation * 0x100 + medium;
}
