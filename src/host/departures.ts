import { type Cancel, LIMITS, MeanderError } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { packValue } from "../wire/index.ts";
import type { SiteStreams } from "./site-streams.ts";

interface Departure {
  readonly move: string;
  cancelled: boolean;
  cancel: Cancel;
}

const DOUBT_MS = 1_000;

/** Streams that are about to leave: frozen from the moment their state is taken until the leader has decided (docs/spec/streams.md [M5], [M40]). */
export class Departures {
  readonly #site: SiteStreams;
  readonly #leaving = new Map<number, Departure>();

  constructor(site: SiteStreams) {
    this.#site = site;
  }

  /**
   * Ends the current message, freezes the stream, and brings its state to the target. It stays frozen.
   *
   * @returns bytes of the state
   * @throws {MeanderError} `move-timeout`, `site-gone`, and what the target refuses with; then it runs on here
   */
  async begin(
    record: StreamRecord,
    to: SiteInstance,
    {
      move,
      deadlineMs,
      by,
    }: { readonly move: string; readonly deadlineMs: number; readonly by: string },
  ): Promise<number> {
    const { clock } = this.#site.options;
    const resident = this.#site.resident(record.id);
    if (resident === undefined || resident.streamEpoch !== record.streamEpoch)
      throw notHere(record.name);
    this.abort(record.id);
    const departure: Departure = { move, cancelled: false, cancel: () => {} };
    this.#leaving.set(record.id, departure);
    let giveUp: (error: MeanderError) => void = () => {};
    const late = new Promise<never>((_resolve, reject) => {
      giveUp = reject;
    });
    departure.cancel = clock.after("move deadline", deadlineMs, () =>
      giveUp(tooLate(record.name, deadlineMs)),
    );
    try {
      // Departure handlers that fail must leave the move time to be made.
      const retryMs = Math.min(LIMITS.departureRetryMsMax, deadlineMs / 2);
      const frozen = resident.freeze(to.site, () => departure.cancelled, retryMs);
      const state = await Promise.race([frozen, late]);
      if (state === undefined || departure.cancelled) throw tooLate(record.name, deadlineMs);
      const request = packValue([move, JSON.stringify(record), by, deadlineMs, state]);
      await Promise.race([this.#site.kernel.request(to, "install", request), late]);
      departure.cancel();
      departure.cancel = clock.after("departure in doubt", deadlineMs + DOUBT_MS, () =>
        this.#doubt(record.id),
      );
      return state.byteLength;
    } catch (error) {
      this.abort(record.id, move);
      throw error;
    }
  }

  /** It runs on here. @param move only if it is this one */
  abort(id: number, move?: string): void {
    const departure = this.#leaving.get(id);
    if (departure === undefined || (move !== undefined && departure.move !== move)) return;
    departure.cancelled = true;
    departure.cancel();
    this.#leaving.delete(id);
    const resident = this.#site.resident(id);
    if (resident?.isFrozen === true) this.#site.kernel.turn(() => resident.thaw());
  }

  /** It has left, or is no more. */
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

  #doubt(id: number): void {
    const departure = this.#leaving.get(id);
    if (departure === undefined || this.#site.isClosed) return;
    this.#site.ask("settle-move", { id, move: departure.move }).then(
      (answer) => {
        if (this.#leaving.get(id) !== departure) return;
        this.#site.learn(answer as unknown as StreamRecord);
        // Either it has left by that, or the move is over without having been made.
        this.abort(id, departure.move);
      },
      () => {
        if (this.#leaving.get(id) !== departure) return;
        departure.cancel = this.#site.options.clock.after(
          "departure in doubt",
          LIMITS.reconnectMsMax,
          () => this.#doubt(id),
        );
      },
    );
  }
}

/** A command for a stream that is not at this site. */
export function notHere(name: string): MeanderError {
  return new MeanderError("stream-gone", "the stream is not at this site", {
    where: `stream ${name}`,
    next: "try again",
  });
}

function tooLate(name: string, deadlineMs: number): MeanderError {
  return new MeanderError(
    "move-timeout",
    `its current message, or the target, took longer than ${deadlineMs} ms`,
    {
      where: `stream ${name}`,
      next: "see `meander stream inspect`, or give it more time with --deadline",
    },
  );
}
