import { type Cancel, type Clock, LIMITS } from "../../../base/index.ts";
import { type HeldPacket, HeldPackets } from "./held-packets.ts";

/** SSRCs whose packets are held at once. */
const CANDIDATES_MAX = 4;
/** A newcomer has sent this many packets, none of the present source between them, before it takes over. */
const IN_A_ROW = 3;
/** Packets of the old source that left before those of its successor may arrive after them, ms. */
const REORDER_MS = 50;
/** The present source has been silent for this many of its own pauses … */
const PAUSES = 2.5;
/** … but for at least this long, ms … */
const SILENCE_MS_MIN = 60;
/** … and no longer than this, ms: then one packet of another SSRC is enough. */
const SILENCE_MS_MAX = 500;
/** Senders that alternate have to be silent for longer after each change, until only one sends for this long, ms … */
const MEMORY_MS = 10_000;
/** … by this factor … */
const PATIENCE = 4;
/** … up to this, ms. */
const PATIENCE_MS_MAX = 2_000;
/** The longest pause of a source is forgotten over this time, ms. */
const PAUSE_DECAY_MS = 2_000;

/** What {@link Newcomers} work with. */
export interface NewcomersOptions {
  readonly clock: Clock;
  /** One SSRC takes over from the present source, with all that it has sent: call `take` for its packets. */
  onTakeOver(packets: readonly HeldPacket[]): void;
  /** Packets of another SSRC were given up: the present source goes on. */
  onDropped(count: number): void;
}

/**
 * Other SSRCs of a track whose source is active: their packets are held until it is known whether one of them is its
 * successor. It is, when it has sent several packets in a row and none of the present source came between them for
 * longer than that source usually pauses; then nothing that it has sent is missing. Senders that alternate get
 * settled: each change makes the next one harder. [W19]
 */
export class Newcomers {
  readonly #options: NewcomersOptions;
  readonly #candidates = new Map<number, HeldPackets>();
  /** When the present source was heard last, ms, and its longest recent pause. */
  #heardAt: number;
  #pauseMs = 0;
  /** How often a source was replaced lately, and when two sent at once, ms. */
  #changes = 0;
  #contestedAt = Number.NEGATIVE_INFINITY;
  #cancel: Cancel | undefined;

  constructor(options: NewcomersOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
  }

  /** A source begins. @param now ms */
  begin(now: number): void {
    this.#heardAt = now;
    this.#pauseMs = 0;
  }

  /** A packet of the present source arrived at `now` (ms). */
  heard(now: number): void {
    const pauseMs = now - this.#heardAt;
    this.#heardAt = now;
    this.#pauseMs = Math.max(pauseMs, this.#pauseMs * (1 - Math.min(1, pauseMs / PAUSE_DECAY_MS)));
    if (this.#candidates.size === 0) return;
    for (const [ssrc, held] of this.#candidates) {
      const dropped = held.dropBefore(now - REORDER_MS);
      this.#drop(dropped);
      if (dropped > 0) this.#contestedAt = now;
      if (held.count === 0) this.#candidates.delete(ssrc);
    }
  }

  /** Holds a copy of a packet of another SSRC (u32) that arrived at `now` (ms), or lets that SSRC take over. */
  packet(ssrc: number, bytes: Uint8Array, now: number): void {
    let held = this.#candidates.get(ssrc);
    if (held === undefined) {
      if (this.#candidates.size >= CANDIDATES_MAX) this.#giveUpOldest();
      held = new HeldPackets({
        packetsMax: LIMITS.newcomerPacketsMax,
        bytesMax: LIMITS.newcomerBytesMax,
      });
      this.#candidates.set(ssrc, held);
    }
    this.#drop(held.add(bytes, now));
    if (!this.#judge(ssrc, held, now)) this.#wait();
  }

  /** The present source has ended: what another SSRC has sent meanwhile is taken now. */
  ended(): void {
    for (const [ssrc, held] of this.#candidates) {
      if (held.count === 0) continue;
      this.#takeOver(ssrc, held);
      return;
    }
  }

  /** Gives up what is held. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const held of this.#candidates.values()) this.#drop(held.take().length);
    this.#candidates.clear();
  }

  /** How long the present source has to be silent now, ms. */
  get #silenceMs(): number {
    const usual = Math.max(SILENCE_MS_MIN, Math.min(SILENCE_MS_MAX, this.#pauseMs * PAUSES));
    if (this.#options.clock.now() - this.#contestedAt > MEMORY_MS) this.#changes = 0;
    return Math.min(Math.max(usual, PATIENCE_MS_MAX), usual * PATIENCE ** this.#changes);
  }

  #judge(ssrc: number, held: HeldPackets, now: number): boolean {
    const silenceMs = this.#silenceMs;
    const silentFor = now - this.#heardAt;
    const isInARow = silentFor >= silenceMs && held.countSince(this.#heardAt) >= IN_A_ROW;
    const single = Math.max(SILENCE_MS_MAX, silenceMs);
    const isAlone = (held.newest?.at ?? 0) - this.#heardAt >= single;
    if (!isInARow && !isAlone) return false;
    this.#changes++;
    this.#contestedAt = now;
    this.#takeOver(ssrc, held);
    return true;
  }

  #takeOver(ssrc: number, held: HeldPackets): void {
    this.#candidates.delete(ssrc);
    this.#options.onTakeOver(held.take());
  }

  /** The newcomer may send nothing more for a while. */
  #wait(): void {
    if (this.#cancel !== undefined) return;
    const { clock } = this.#options;
    const dueAt = this.#heardAt + this.#silenceMs;
    this.#cancel = clock.after("newcomers", Math.max(10, dueAt - clock.now()), () => {
      this.#cancel = undefined;
      const now = clock.now();
      for (const [ssrc, held] of this.#candidates) if (this.#judge(ssrc, held, now)) break;
      const isOpen = [...this.#candidates.values()].some(
        (held) => held.countSince(this.#heardAt) >= IN_A_ROW,
      );
      // Fewer packets are judged with the next one.
      if (isOpen) this.#wait();
    });
  }

  #giveUpOldest(): void {
    let oldest: number | undefined;
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const [ssrc, held] of this.#candidates) {
      const at = held.newest?.at ?? Number.NEGATIVE_INFINITY;
      if (at < oldestAt) [oldest, oldestAt] = [ssrc, at];
    }
    if (oldest === undefined) return;
    this.#drop(this.#candidates.get(oldest)?.take().length ?? 0);
    this.#candidates.delete(oldest);
  }

  #drop(count: number): void {
    if (count > 0) this.#options.onDropped(count);
  }
}
