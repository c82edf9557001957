import { serialAdd, serialDistance } from "../../../base/index.ts";

/** Largest step forward that still counts as loss (RFC 3550 A.1, MAX_DROPOUT). */
const DROPOUT_MAX = 3_000;
/** Largest step back that still counts as reordering (RFC 3550 A.1, MAX_MISORDER). */
const MISORDER_MAX = 100;
/** Numbers up to the highest whose arrival is remembered: a power of two above MISORDER_MAX. */
const REMEMBERED = 128;

/** The verdict on a sequence number. */
export type SequenceVerdict =
  /** In order; `missing` numbers before it have not arrived. */
  | { readonly type: "next"; readonly missing: number }
  /** Behind the highest, and not seen before. */
  | { readonly type: "late" }
  | { readonly type: "duplicate" }
  /** Far from the expected number: accepted when the next one follows it. */
  | { readonly type: "jump" }
  /** Follows a jump: the sender has restarted. The packet of the jump belongs to the flow too. */
  | { readonly type: "restart" };

const LATE: SequenceVerdict = Object.freeze({ type: "late" });
const DUPLICATE: SequenceVerdict = Object.freeze({ type: "duplicate" });
const JUMP: SequenceVerdict = Object.freeze({ type: "jump" });
const RESTART: SequenceVerdict = Object.freeze({ type: "restart" });
const NEXT: SequenceVerdict = Object.freeze({ type: "next", missing: 0 });

/**
 * The sequence numbers of one RTP source (RFC 3550 A.1), without the probation at the start: the source was announced
 * by its description, and the first frame matters.
 */
export class SequenceCheck {
  #highest: number;
  #cycles = 0;
  #expectedAfterJump: number | undefined;
  readonly #seen = new Uint8Array(REMEMBERED);

  /** @param first u16, the number of the packet that starts the source; it is not checked again */
  constructor(first: number) {
    this.#highest = first;
    this.#mark(first);
  }

  /** u16. */
  get highest(): number {
    return this.#highest;
  }

  /** u32, as in receiver reports: cycles in the high half. */
  get extendedHighest(): number {
    return ((this.#cycles << 16) | this.#highest) >>> 0;
  }

  /** How many numbers a number is ahead of the highest (negative: behind), and whether that is still the same run. */
  distanceOf(sequence: number): { readonly ahead: number; readonly isNear: boolean } {
    const ahead = serialDistance(this.#highest, sequence, 16);
    return { ahead, isNear: ahead <= DROPOUT_MAX && ahead >= -MISORDER_MAX };
  }

  /** True when a number within the last 100 has arrived. */
  has(sequence: number): boolean {
    return this.#seen[sequence % REMEMBERED] === 1;
  }

  /** Judges the next packet to arrive, and remembers it. */
  check(sequence: number): SequenceVerdict {
    const distance = serialDistance(this.#highest, sequence, 16);
    if (distance > 0 && distance <= DROPOUT_MAX) return this.#advance(sequence, distance);
    if (distance <= 0 && distance >= -MISORDER_MAX) {
      const at = sequence % REMEMBERED;
      if (this.#seen[at] === 1) return DUPLICATE;
      this.#seen[at] = 1;
      return LATE;
    }
    if (sequence === this.#expectedAfterJump) {
      this.#expectedAfterJump = undefined;
      this.#seen.fill(0);
      this.#mark(serialAdd(sequence, -1, 16));
      this.#mark(sequence);
      this.#highest = sequence;
      this.#cycles = 0;
      return RESTART;
    }
    this.#expectedAfterJump = serialAdd(sequence, 1, 16);
    return JUMP;
  }

  #advance(sequence: number, distance: number): SequenceVerdict {
    // The old flow continues, so the jump was a stray.
    this.#expectedAfterJump = undefined;
    if (distance >= REMEMBERED) this.#seen.fill(0);
    else
      for (let step = 1; step < distance; step++)
        this.#seen[(this.#highest + step) % REMEMBERED] = 0;
    if (sequence < this.#highest) this.#cycles = (this.#cycles + 1) & 0xffff;
    this.#highest = sequence;
    this.#mark(sequence);
    return distance === 1 ? NEXT : { type: "next", missing: distance - 1 };
  }

  #mark(sequence: number): void {
    this.#seen[sequence % REMEMBERED] = 1;
  }
}
