import type { AgentSet } from "../agent/set/index.ts";
import { type Cancel, type Clock, LIMITS, type Log, messageOf } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import type { StreamState } from "../stream/index.ts";
import type { HostedStreams } from "./hosted-streams.ts";
import type { MoveSettlement } from "./ports.ts";

/** What {@link Arrivals} use. */
export interface ArrivalsPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly streams: Pick<HostedStreams, "install">;
  readonly moves: MoveSettlement;
}

interface Arrival {
  readonly move: string;
  /** As it is before the move. */
  readonly record: StreamRecord;
  readonly agents: AgentSet;
  readonly state: StreamState;
  cancel: Cancel;
}

/** How long after its deadline the leader is asked about a move whose outcome is unknown, ms. */
const DOUBT_MS = 1_000;

/**
 * Streams that are ready to arrive: they arrive when the leader has written so to the directory (docs/spec/streams.md
 * [M5], [M40]).
 */
export class Arrivals {
  readonly #ports: ArrivalsPorts;
  readonly #ready = new Map<number, Arrival>();

  constructor(ports: ArrivalsPorts) {
    this.#ports = ports;
  }

  /** The stream's state has arrived, and its agents have started. */
  add(
    record: StreamRecord,
    move: string,
    agents: AgentSet,
    state: StreamState,
    deadlineMs: number,
  ): void {
    this.abort(record.id);
    const cancel = this.#ports.clock.after("arrival in doubt", deadlineMs + DOUBT_MS, () =>
      this.#doubt(record.id),
    );
    this.#ready.set(record.id, { move, record, agents, state, cancel });
  }

  /** The streams that are ready, with the stream epochs that their moves will give them. */
  get expected(): readonly {
    readonly id: number;
    readonly streamEpoch: number;
    readonly move: string;
  }[] {
    return [...this.#ready].map(([id, { record, move }]) => ({
      id,
      streamEpoch: record.streamEpoch + 1,
      move,
    }));
  }

  /** The stream epoch that a stream that is ready had at its source; 0: none is ready. */
  epochOf(id: number): number {
    return this.#ready.get(id)?.record.streamEpoch ?? 0;
  }

  /** The directory reports a stream at this site. */
  committed(record: StreamRecord): void {
    const arrival = this.#ready.get(record.id);
    // A takeover may give the same site and epoch, with newer state.
    if (arrival === undefined || record.move !== arrival.move) return;
    arrival.cancel();
    this.#ready.delete(record.id);
    const { streams, log } = this.#ports;
    const from = arrival.record.site;
    streams
      .install(record, arrival.agents, arrival.state, { type: "arrival", from })
      .catch((error: unknown) =>
        log.warn("A stream left before it had started.", {
          stream: record.name,
          error: messageOf(error),
        }),
      );
  }

  /** The directory reports a stream at another site, or unchanged. */
  elsewhere(record: StreamRecord): void {
    const arrival = this.#ready.get(record.id);
    if (arrival !== undefined && record.streamEpoch > arrival.record.streamEpoch)
      this.abort(record.id);
  }

  /** The stream was destroyed. */
  ended(id: number): void {
    this.abort(id);
  }

  /** The stream does not arrive. @param move only if it is this one */
  abort(id: number, move?: string): void {
    const arrival = this.#ready.get(id);
    if (arrival === undefined || (move !== undefined && arrival.move !== move)) return;
    arrival.cancel();
    this.#ready.delete(id);
    arrival.agents.close();
  }

  close(): void {
    for (const id of [...this.#ready.keys()]) this.abort(id);
  }

  #doubt(id: number): void {
    const arrival = this.#ready.get(id);
    if (arrival === undefined) return;
    const { clock, moves } = this.#ports;
    moves.settle(id, arrival.move).then(
      (record) => {
        if (this.#ready.get(id) !== arrival) return;
        moves.learn(record);
        // Either it has arrived by now, or it never will.
        if (this.#ready.get(id) === arrival) this.abort(id);
      },
      () => {
        if (this.#ready.get(id) !== arrival) return;
        arrival.cancel = clock.after("arrival in doubt", LIMITS.reconnectMsMax, () =>
          this.#doubt(id),
        );
      },
    );
  }
}
