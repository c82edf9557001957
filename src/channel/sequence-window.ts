import { serialAdd, serialDistance } from "../base/index.ts";

/** How far back a window remembers, in packets. A power of two below 2^15, so that 16-bit serial arithmetic holds. */
const SPAN = 8_192;
/** Missing numbers followed at once; a longer hole is given up from its old end. */
const MISSING_MAX = 1_024;

/** For this long after the first packet, packets that it overtook are accepted, ms. */
const BEGINNING_MS = 500;

/** The verdict on a sequence number. */
export type Verdict = "new" | "duplicate" | "too-old";

/** A number that was skipped, and when it was requested. */
export interface Missing {
  readonly sequence: number;
  /** When it was found missing, ms. */
  readonly foundAt: number;
  /** The same, postponed by the time in which it could not have arrived. */
  since: number;
  /** When it was last requested; -Infinity: never. */
  askedAt: number;
}

/**
 * Which sequence numbers of one source have arrived: separates new packets from duplicates, and knows what is missing.
 * [W40]
 *
 * Numbers wrap at `bits`; those more than 8192 behind the newest are too old to judge.
 */
export class SequenceWindow {
  readonly bits: 16 | 32;
  /** Newest number seen. */
  highest: number;
  /** When the newest packet arrived, ms: the longest silent source is forgotten first. */
  lastAt: number;
  readonly #seen = new Uint32Array(SPAN / 32);
  readonly #missing = new Map<number, Missing>();
  /** How many numbers up to `highest` belong to what is known of this source. */
  #known = 1;
  #begunAt: number;

  constructor(bits: 16 | 32, first: number, now: number) {
    this.bits = bits;
    this.highest = first;
    this.lastAt = now;
    this.#begunAt = now;
    this.#mark(first);
  }

  /** Judges a number and remembers it. Numbers that it skips become {@link missing}. */
  accept(sequence: number, now: number): Verdict {
    const ahead = serialDistance(this.highest, sequence, this.bits);
    if (ahead > 0) {
      this.#advance(ahead, now);
      this.#mark(sequence);
      this.lastAt = now;
      return "new";
    }
    if (-ahead >= SPAN) return "too-old";
    if (this.#has(sequence)) return "duplicate";
    const isWanted = this.#missing.delete(sequence);
    if (1 - ahead > this.#known && !isWanted) {
      // Other receivers may request earlier packets, and the answer may reach this one too.
      if (now - this.#begunAt > BEGINNING_MS) return "too-old";
      this.#known = 1 - ahead;
    }
    this.#mark(sequence);
    return "new";
  }

  /** Numbers up to this one were sent: those that have not arrived are missing. */
  expect(sequence: number, now: number): void {
    const ahead = serialDistance(this.highest, sequence, this.bits);
    if (ahead <= 0 || ahead > MISSING_MAX) return;
    this.#advance(ahead, now);
    this.#unmark(sequence);
    this.#addMissing(sequence, now);
  }

  /** Marks numbers as never to arrive: they are neither requested nor waited for. */
  skip(sequence: number, count: number, now: number): void {
    const end = serialAdd(sequence, count - 1, this.bits);
    const ahead = serialDistance(this.highest, end, this.bits);
    if (ahead > 0) this.#advance(ahead, now);
    for (let step = Math.max(0, count - SPAN); step < count; step++) {
      const each = serialAdd(sequence, step, this.bits);
      if (serialDistance(this.highest, each, this.bits) <= -SPAN) continue;
      this.#mark(each);
      this.#missing.delete(each);
    }
  }

  /** Missing numbers, oldest first. The caller may modify the entries. */
  get missing(): IterableIterator<Missing> {
    return this.#missing.values();
  }

  get missingCount(): number {
    return this.#missing.size;
  }

  /**
   * A subscriber misses a number. True when it may still arrive: it is missing here too, or is from now on because it
   * is from before what this window knows. False when it has arrived, or was given up.
   */
  want(sequence: number, now: number): boolean {
    if (this.#missing.has(sequence)) return true;
    const behind = serialDistance(sequence, this.highest, this.bits);
    // It is ahead of this window, and simply has not arrived yet.
    if (behind < 0) return -behind < SPAN;
    if (behind >= SPAN || this.#has(sequence)) return false;
    this.#addMissing(sequence, now);
    return true;
  }

  /** Whether a number is missing that was found to be at `sinceMs` or later. */
  misses(sequence: number, sinceMs: number): boolean {
    const missing = this.#missing.get(sequence);
    return missing !== undefined && missing.foundAt >= sinceMs;
  }

  /** Stops waiting for numbers, which are new if they come after all. */
  abandon(sequence: number, count: number): void {
    for (let step = 0; step < Math.min(count, SPAN); step++)
      this.#missing.delete(serialAdd(sequence, step, this.bits));
  }

  /** Gives up a missing number. */
  forget(sequence: number): void {
    this.#missing.delete(sequence);
    this.#mark(sequence);
  }

  /** Where to resume: the lowest number missing among the last `span`, or the one after the newest. [W27] */
  resumeAt(span = 64): number {
    const from = Math.min(span, this.#known) - 1;
    for (let back = from; back >= 0; back--) {
      const sequence = serialAdd(this.highest, -back, this.bits);
      if (!this.#has(sequence)) return sequence;
    }
    return serialAdd(this.highest, 1, this.bits);
  }

  #advance(steps: number, now: number): void {
    if (steps >= SPAN) {
      this.#seen.fill(0);
      this.#missing.clear();
      this.#known = 1;
      this.#begunAt = now;
    } else {
      for (let step = 1; step < steps; step++) {
        const sequence = serialAdd(this.highest, step, this.bits);
        this.#unmark(sequence);
        this.#addMissing(sequence, now);
      }
      this.#known = Math.min(SPAN, this.#known + steps);
    }
    this.highest = serialAdd(this.highest, steps, this.bits);
  }

  #addMissing(sequence: number, now: number): void {
    if (this.#missing.size >= MISSING_MAX) {
      for (const oldest of this.#missing.keys()) {
        this.forget(oldest);
        break;
      }
    }
    this.#missing.set(sequence, {
      sequence,
      foundAt: now,
      since: now,
      askedAt: Number.NEGATIVE_INFINITY,
    });
  }

  #has(sequence: number): boolean {
    const slot = sequence & (SPAN - 1);
    return ((this.#seen[slot >>> 5] as number) & (1 << (slot & 31))) !== 0;
  }

  #mark(sequence: number): void {
    const slot = sequence & (SPAN - 1);
    this.#seen[slot >>> 5] = (this.#seen[slot >>> 5] as number) | (1 << (slot & 31));
  }

  #unmark(sequence: number): void {
    const slot = sequence & (SPAN - 1);
    this.#seen[slot >>> 5] = (this.#seen[slot >>> 5] as number) & ~(1 << (slot & 31));
  }
}
