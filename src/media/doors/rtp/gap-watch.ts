import { type Cancel, type Clock, serialAdd } from "../../../base/index.ts";
import { MissingPackets, type MissingRange } from "./missing-packets.ts";

/** A skipped number is announced as a gap after this, ms: reordering on a local network is shorter. */
const REORDER_MS = 30;

/** Announces the packets of one source that never arrived, when reordering is not a possible cause any more. */
export class GapWatch {
  readonly #clock: Clock;
  readonly #announce: (range: MissingRange) => void;
  readonly #missing = new MissingPackets();
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
    this.#missing.arrived(sequence);
  }

  /** Announces what is missing now, and stops. */
  finish(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const range of this.#missing.removeSince(Number.POSITIVE_INFINITY)) this.#announce(range);
  }

  #wait(): void {
    this.#cancel ??= this.#clock.after("announce-gaps", REORDER_MS, () => {
      this.#cancel = undefined;
      for (const range of this.#missing.removeSince(this.#clock.now() - REORDER_MS)) {
        this.#announce(range);
      }
      if (this.#missing.rangeCount > 0) this.#wait();
    });
  }
}
