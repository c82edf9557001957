import { type Cancel, type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { CommandAsker, StreamRecord } from "../session/index.ts";
import type { SiteInstance, StreamKernel } from "../stream/index.ts";
import { packValue } from "../wire/index.ts";
import { notHere } from "./not-here.ts";
import type { MoveSettlement, Residents } from "./ports.ts";

/** What {@link Departures} use. */
export interface DeparturesPorts {
  readonly clock: Clock;
  readonly streams: Residents;
  readonly kernel: Pick<StreamKernel, "request" | "turn">;
  readonly moves: MoveSettlement;
}

interface Departure {
  readonly move: string;
  /** The target was asked, and has not answered. */
  isAsked: boolean;
  cancelled: boolean;
  cancel: Cancel;
}

/** How long after its deadline the leader is asked about a move whose outcome is unknown, ms. */
const DOUBT_MS = 1_000;

/**
 * Streams that are about to leave: frozen from the moment their state is read until the leader has decided
 * (docs/spec/streams.md [M5], [M40]).
 */
export class Departures {
  readonly #ports: DeparturesPorts;
  readonly #leaving = new Map<number, Departure>();
  /** Streams whose last target ended, or fell silent, while it started their agents ([M14]). */
  readonly #suspects = new Set<number>();

  constructor(ports: DeparturesPorts) {
    this.#ports = ports;
  }

  /**
   * Lets the current message end, freezes the stream, and sends its state to the target. The stream stays frozen.
   *
   * @returns bytes of the state
   * @throws {MeanderError} `move-timeout`, `site-gone`, and what the target refuses with; the stream then continues
   * here
   */
  async begin(
    record: StreamRecord,
    to: SiteInstance,
    {
      move,
      deadlineMs,
      by,
      label,
    }: CommandAsker & { readonly move: string; readonly deadlineMs: number },
  ): Promise<number> {
    const { clock, streams, kernel } = this.#ports;
    const resident = streams.resident(record.id);
    if (resident === undefined || resident.streamEpoch !== record.streamEpoch)
      throw notHere(record.name);
    this.abort(record.id);
    const departure: Departure = { move, isAsked: false, cancelled: false, cancel: () => {} };
    this.#leaving.set(record.id, departure);
    let giveUp: (error: MeanderError) => void = () => {};
    const late = new Promise<never>((_resolve, reject) => {
      giveUp = reject;
    });
    departure.cancel = clock.after("move deadline", deadlineMs, () =>
      giveUp(tooLate(record.name, deadlineMs)),
    );
    try {
      // Departure handlers that fail must leave time for the move itself.
      const retryMs = Math.min(LIMITS.departureRetryMsMax, deadlineMs / 2);
      const frozen = resident.freeze(to.site, () => departure.cancelled, retryMs);
      const state = await Promise.race([frozen, late]);
      if (state === undefined || departure.cancelled) throw tooLate(record.name, deadlineMs);
      const isSuspect = this.#suspects.has(record.id);
      const request = packValue([
        ...[move, JSON.stringify(record), by, deadlineMs, state, isSuspect],
        ...(label === undefined ? [] : [label]),
      ]);
      departure.isAsked = true;
      await Promise.race([kernel.request(to, "install", request), late]);
      departure.isAsked = false;
      this.#suspects.delete(record.id);
      departure.cancel();
      departure.cancel = clock.after("departure in doubt", deadlineMs + DOUBT_MS, () =>
        this.#doubt(record.id),
      );
      return state.byteLength;
    } catch (error) {
      if (!isSilence(error)) departure.isAsked = false;
      this.abort(record.id, move);
      throw error;
    }
  }

  /** The stream continues here. @param move only if it is this one */
  abort(id: number, move?: string): void {
    const departure = this.#leaving.get(id);
    if (departure === undefined || (move !== undefined && departure.move !== move)) return;
    if (departure.isAsked) this.#suspect(id);
    this.ended(id);
    const resident = this.#ports.streams.resident(id);
    if (resident?.isFrozen === true) this.#ports.kernel.turn(() => resident.thaw());
  }

  /** The stream has left or was destroyed. */
  ended(id: number): void {
    const departure = this.#leaving.get(id);
    if (departure === undefined) return;
    departure.cancelled = true;
    departure.cancel();
    this.#leaving.delete(id);
  }

  close(): void {
    for (const departure of this.#leaving.values()) departure.cancel();
    this.#leaving.clear();
  }

  #suspect(id: number): void {
    this.#suspects.add(id);
    for (const each of this.#suspects)
      if (this.#ports.streams.resident(each) === undefined) this.#suspects.delete(each);
  }

  #doubt(id: number): void {
    const departure = this.#leaving.get(id);
    if (departure === undefined) return;
    const { clock, moves } = this.#ports;
    moves.settle(id, departure.move).then(
      (record) => {
        if (this.#leaving.get(id) !== departure) return;
        moves.learn(record);
        // Either the stream has left by now, or the move ended without effect.
        this.abort(id, departure.move);
      },
      () => {
        if (this.#leaving.get(id) !== departure) return;
        departure.cancel = clock.after("departure in doubt", LIMITS.reconnectMsMax, () =>
          this.#doubt(id),
        );
      },
    );
  }
}

/** Whether a move failed because nothing was heard of its target any more. */
function isSilence(error: unknown): boolean {
  return error instanceof MeanderError && ["site-gone", "move-timeout"].includes(error.code);
}

function tooLate(name: string, deadlineMs: number): MeanderError {
  return new MeanderError(
    "move-timeout",
    `its current message, or the target, took longer than ${deadlineMs} ms`,
    {
      where: `stream ${name}`,
      next: "see `meander stream inspect`, or allow more time with --deadline",
    },
  );
}
