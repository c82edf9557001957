import { type Cancel, type Clock, serialAdd } from "../../../base/index.ts";
import { MissingPackets, type MissingRange } from "./missing-packets.ts";

/** A skipped number is announced as a gap after this, ms: reordering on most networks is shorter. */
const REORDER_MS = 100;
/** Where numbers came later than that, those that follow are waited for by this much longer than the latest … */
const MARGIN = 1.5;
/** … but no longer than this, ms: receivers would have given them up. */
const REORDER_MS_MAX = 400;
/** How often that is checked, ms. */
const CHECK_MS = 20;
/** What was announced is remembered for this long, ms, to see how late it comes. */
const REMEMBERED_MS = 1_000;

/**
 * Announces the packets of one source that never arrived, when reordering is not a possible cause any more: no
 * receiver takes what was announced. How long reordering takes is learned from numbers that come after all.
 */
export class GapWatch {
  readonly #clock: Clock;
  readonly #announce: (range: MissingRange) => void;
  readonly #missing = new MissingPackets();
  readonly #announced = new MissingPackets();
  #patienceMs = REORDER_MS;
  #cancel: Cancel | undefined;

  constructor(clock: Clock, announce: (range: MissingRange) => void) {
    this.#clock = clock;
    this.#announce = announce;
  }

  /** Notes that `count` numbers before `sequence` (u16) have not arrived. */
  skipped(sequence: number, count: number): void {
    const first = serialAdd(sequence, -count, 16);
    const given = this.#missing.skipped(first, count, this.#clock.now());
    if (given !== undefined) this.#announce(given);
    this.#wait();
  }

  /** Notes that a number arrived late. */
  arrived(sequence: number): void {
    if (this.#missing.arrived(sequence) !== undefined) return;
    const now = this.#clock.now();
    this.#announced.removeSince(now - REMEMBERED_MS);
    const since = this.#announced.arrived(sequence);
    if (since === undefined) return;
    const wantedMs = Math.min((now - since) * MARGIN, REORDER_MS_MAX);
    this.#patienceMs = Math.max(this.#patienceMs, wantedMs);
  }

  /** Announces what is missing now, and stops. */
  finish(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#giveUp(Number.POSITIVE_INFINITY);
  }

  /** Announces what has been missing since `before` (ms) or longer. */
  #giveUp(before: number): void {
    for (const { sequence, count, since } of this.#missing.removeSince(before)) {
      this.#announced.skipped(sequence, count, since);
      this.#announce({ sequence, count });
    }
  }

  #wait(): void {
    this.#cancel ??= this.#clock.after("announce-gaps", CHECK_MS, () => {
      this.#cancel = undefined;
      this.#giveUp(this.#clock.now() - this.#patienceMs);
      if (this.#missing.rangeCount > 0) this.#wait();
    });
  }
}
