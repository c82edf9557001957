import { LIMITS } from "../base/index.ts";
import {
  generationOf,
  mediumOf,
  type SourcePoint,
  sequenceBitsOf,
  sequenceOf,
  sourceOf,
} from "../wire/index.ts";
import { SequenceWindow, type Verdict } from "./sequence-window.ts";

/** Identifies a source. */
interface Source {
  readonly source: number;
  readonly generation: number;
  readonly medium: number;
}

/** A source and its window. */
interface Watched {
  readonly id: Source;
  readonly window: SequenceWindow;
}

/** A source that was silent for longer is not resumed, ms. */
const RESUMABLE_MS = 10_000;

/** The windows of all sources of a channel: duplicate suppression by identity. [W40] */
export class SourceWindows {
  readonly #windows = new Map<number, Watched>();
  /** The window of the last packet: the next one is often of the same source. */
  #last: Watched | undefined;

  /** Judges a packet by its identity, and remembers it. */
  accept(packet: Uint8Array, now: number): Verdict {
    const source = sourceOf(packet);
    const generation = generationOf(packet);
    const medium = mediumOf(packet);
    const last = this.#last;
    if (
      last !== undefined &&
      last.id.source === source &&
      last.id.generation === generation &&
      last.id.medium === medium
    ) {
      return last.window.accept(sequenceOf(packet), now);
    }
    const key = keyOf(source, generation, medium);
    const known = this.#windows.get(key);
    if (known !== undefined) {
      this.#last = known;
      return known.window.accept(sequenceOf(packet), now);
    }
    this.#makeRoom();
    const window = new SequenceWindow(sequenceBitsOf(packet), sequenceOf(packet), now);
    this.#last = { id: { source, generation, medium }, window };
    this.#windows.set(key, this.#last);
    return "new";
  }

  /** The window of a source; undefined before its first packet. */
  find(id: Source): SequenceWindow | undefined {
    return this.#windows.get(keyOf(id.source, id.generation, id.medium))?.window;
  }

  entries(): IterableIterator<Watched> {
    return this.#windows.values();
  }

  /** Where to resume each recent source. [W27] */
  resumePoints(now: number): SourcePoint[] {
    const points: SourcePoint[] = [];
    for (const { id, window } of this.#windows.values()) {
      if (now - window.lastAt < RESUMABLE_MS) points.push({ ...id, sequence: window.resumeAt() });
    }
    return points;
  }

  /** The newest number of each recent source: what has been consumed. [W26] */
  newest(now: number): SourcePoint[] {
    const points: SourcePoint[] = [];
    for (const { id, window } of this.#windows.values()) {
      if (now - window.lastAt < RESUMABLE_MS) points.push({ ...id, sequence: window.highest });
    }
    return points;
  }

  /** The sender has sent up to these numbers: those that have not arrived are missing. [W26] */
  expect(points: readonly SourcePoint[], now: number): void {
    for (const point of points) this.find(point)?.expect(point.sequence, now);
  }

  /** Gives up all that is missing. @returns how many packets that are */
  forgetMissing(): number {
    let count = 0;
    for (const { window } of this.#windows.values()) {
      for (const { sequence } of window.missing) {
        window.forget(sequence);
        count++;
      }
    }
    return count;
  }

  #makeRoom(): void {
    if (this.#windows.size < LIMITS.sourcesMax) return;
    let oldest: number | undefined;
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const [key, { window }] of this.#windows) {
      if (window.lastAt < oldestAt) {
        oldest = key;
        oldestAt = window.lastAt;
      }
    }
    if (oldest !== undefined) this.#windows.delete(oldest);
    this.#last = undefined;
  }
}

/** One number per (source, generation, medium): 48 bits, exact in a double. */
function keyOf(source: number, generation: number, medium: number): number {
  return source * 0x1_0000 + generation * 0x100 + medium;
}
