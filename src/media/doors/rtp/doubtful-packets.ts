import { type Counters, LIMITS } from "../../../base/index.ts";
import { type HeldPacket, HeldPackets } from "./held-packets.ts";
import type { RunCheck, RunVerdict } from "./run-check.ts";

/** What is in doubt, and ahead of its run, is not overtaken by more than this, ms. */
const OVERTAKEN_MS = 200;

/** A packet that was in doubt and belongs to its run after all. */
export interface AcceptedPacket {
  readonly packet: HeldPacket;
  readonly verdict: Exclude<RunVerdict, { readonly type: "duplicate" | "doubtful" }>;
}

/** Packets of a source's SSRC that do not fit its run, until it is known what they belong to. Bounded. */
export class DoubtfulPackets {
  readonly #held = new HeldPackets({
    packetsMax: LIMITS.doubtfulPacketsMax,
    bytesMax: LIMITS.newcomerBytesMax,
  });
  readonly #drops: Counters;

  /** @param drops counts what was of no run, and duplicates */
  constructor(drops: Counters) {
    this.#drops = drops;
  }

  /** A packet whose number is the one before `sequence` (u16) or after it. */
  neighbourOf(sequence: number): HeldPacket | undefined {
    return this.#held.neighbourOf(sequence);
  }

  /** Keeps a copy. @param now ms */
  add(bytes: Uint8Array, now: number): void {
    this.#drop(this.#held.add(bytes, now));
  }

  /** Removes all, and returns them: they begin another run. */
  take(): HeldPacket[] {
    return this.#held.take();
  }

  /** Gives up all: they were of no run. */
  giveUp(): void {
    this.#drop(this.#held.take().length);
  }

  /** Timestamps have jumped among packets that were reordered or lost: what is ahead of the run belongs to it. */
  *jumped(run: RunCheck, now: number): Generator<AcceptedPacket> {
    const first = this.#held.inOrder().find(({ rtp }) => run.isAhead(rtp.sequence));
    if (first !== undefined) {
      this.#held.removeIf((packet) => packet === first);
      yield { packet: first, verdict: run.accept(first.rtp, first.at) };
    }
    yield* this.following(run, now);
  }

  /** The run has gone on: what follows, or fits it now, belongs to it. Of the rest, what is not ahead is given up. */
  *following(run: RunCheck, now: number): Generator<AcceptedPacket> {
    for (let before = -1; before !== this.#held.count && this.#held.count > 0; ) {
      before = this.#held.count;
      for (const packet of this.#held.inOrder()) {
        const verdict = run.check(packet.rtp, packet.at);
        if (verdict.type === "doubtful") continue;
        this.#held.removeIf((each) => each === packet);
        if (verdict.type === "duplicate") this.#drops.add("duplicate");
        else yield { packet, verdict };
      }
    }
    const isLeft = ({ at, rtp }: HeldPacket): boolean => {
      return run.isAhead(rtp.sequence) && now - at <= OVERTAKEN_MS;
    };
    this.#drop(this.#held.removeIf((packet) => !isLeft(packet)));
  }

  #drop(count: number): void {
    if (count > 0) this.#drops.add("sequence-jump", count);
  }
}
