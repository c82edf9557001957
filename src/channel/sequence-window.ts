import { serialAdd, serialDistance } from "../base/index.ts";

/** How far back a window remembers, in packets. A power of two below 2^15, so that 16-bit serial arithmetic holds. */
const SPAN = 8_192;
/** Missing numbers followed at once; a longer hole is given up from its old end. */
const MISSING_MAX = 1_024;

/** At its beginning packets may have been overtaken by the first one, for so long, ms. */
const BEGINNING_MS = 500;

/** What a window says of a sequence number. */
export type Verdict = "new" | "duplicate" | "too-old";

/** A number that was skipped, and what was done about it. */
export interface Missing {
  readonly sequence: number;
  /** When it was found missing, ms. */
  readonly foundAt: number;
  /** The same, put off by the times when nobody could have brought it. */
  since: number;
  /** When it was last asked for; -Infinity: never. */
  askedAt: number;
}

/**
 * Which sequence numbers of one source have come: tells new packets from repeated ones and knows what is missing. [W40]
 *
 * Numbers wrap at `bits`; anything more than 8192 behind the newest is too old to tell.
 */
export class SequenceWindow {
  readonly bits: 16 | 32;
  /** Newest number seen. */
  highest: number;
  /** When the newest packet came, ms: sources that fall silent are forgotten first. */
  lastAt: number;
  readonly #seen = new Uint32Array(SPAN / 32);
  readonly #missing = new Map<number, Missing>();
  /** Numbers behind this many below `highest` were never part of this source as we know it. */
  #known = 1;
  #begunAt: number;

  constructor(bits: 16 | 32, first: number, now: number) {
    this.bits = bits;
    this.highest = first;
    this.lastAt = now;
    this.#begunAt = now;
    this.#mark(first);
  }

  /** Takes a number. Holes it opens become {@link missing}. */
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
      // Others may ask for what was before, and get it by way of everyone.
      if (now - this.#begunAt > BEGINNING_MS) return "too-old";
      this.#known = 1 - ahead;
    }
    this.#mark(sequence);
    return "new";
  }

  /** Numbers up to this one were sent: those that have not come are missing. */
  expect(sequence: number, now: number): void {
    const ahead = serialDistance(this.highest, sequence, this.bits);
    if (ahead <= 0 || ahead > MISSING_MAX) return;
    this.#advance(ahead, now);
    this.#unmark(sequence);
    this.#addMissing(sequence, now);
  }

  /** Marks numbers as never to come: nobody asks for them and nobody waits. */
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

  /** Holes, oldest first. Entries may be changed by the caller. */
  get missing(): IterableIterator<Missing> {
    return this.#missing.values();
  }

  get missingCount(): number {
    return this.#missing.size;
  }

  /**
   * Somebody else misses a number. True when it may still come: it is missing here too, or is from now on because it lies
   * before what this window has seen. False when it was seen, or given up.
   */
  want(sequence: number, now: number): boolean {
    if (this.#missing.has(sequence)) return true;
    const behind = serialDistance(sequence, this.highest, this.bits);
    // Ahead of us: we are late, not it.
    if (behind < 0) return -behind < SPAN;
    if (behind >= SPAN || this.#has(sequence)) return false;
    this.#addMissing(sequence, now);
    return true;
  }

  /** Gives a hole up. */
  forget(sequence: number): void {
    this.#missing.delete(sequence);
    this.#mark(sequence);
  }

  /** The lowest number not yet here among the last `span`, or the one after the newest: where to resume. [W27] */
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
