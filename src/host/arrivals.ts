import type { AgentSet } from "../agent/index.ts";
import { type Cancel, LIMITS, messageOf } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import type { StreamState } from "../stream/index.ts";
import type { SiteStreams } from "./site-streams.ts";

interface Arrival {
  readonly move: string;
  /** As it is before the move. */
  readonly record: StreamRecord;
  readonly agents: AgentSet;
  readonly state: StreamState;
  cancel: Cancel;
}

/** How long after its deadline a move that nothing is heard of is asked about, ms. */
const DOUBT_MS = 1_000;

/** Streams that are ready to arrive: they are here when the leader has written so (docs/spec/streams.md [M5], [M40]). */
export class Arrivals {
  readonly #site: SiteStreams;
  readonly #ready = new Map<number, Arrival>();

  constructor(site: SiteStreams) {
    this.#site = site;
  }

  /** The stream's state is here, and its agents can run. */
  add(
    record: StreamRecord,
    move: string,
    agents: AgentSet,
    state: StreamState,
    deadlineMs: number,
  ): void {
    this.abort(record.id);
    const cancel = this.#site.options.clock.after("arrival in doubt", deadlineMs + DOUBT_MS, () =>
      this.#doubt(record.id),
    );
    this.#ready.set(record.id, { move, record, agents, state, cancel });
  }

  /** What is ready, with the epochs that the moves will give. */
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

  /** The epoch in which the stream that is ready left its source; 0: none is. */
  epochOf(id: number): number {
    return this.#ready.get(id)?.record.streamEpoch ?? 0;
  }

  /** The directory says that a stream is here. */
  committed(record: StreamRecord): void {
    const arrival = this.#ready.get(record.id);
    // The same place and epoch may come from a takeover, which has newer state.
    if (arrival === undefined || record.move !== arrival.move) return;
    arrival.cancel();
    this.#ready.delete(record.id);
    const from = arrival.record.site;
    this.#site
      .install(record, arrival.agents, arrival.state, { type: "arrival", from })
      .catch((error: unknown) =>
        this.#site.options.log.warn("A stream left again before it had begun.", {
          stream: record.name,
          error: messageOf(error),
        }),
      );
  }

  /** The directory says that it is somewhere else, or that nothing has changed. */
  elsewhere(record: StreamRecord): void {
    const arrival = this.#ready.get(record.id);
    if (arrival !== undefined && record.streamEpoch > arrival.record.streamEpoch)
      this.abort(record.id);
  }

  /** The stream is no more. */
  ended(id: number): void {
    this.abort(id);
  }

  /** It does not come. @param move only if it is this one */
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
    if (arrival === undefined || this.#site.isClosed) return;
    this.#site.ask("settle-move", { id, move: arrival.move }).then(
      (answer) => {
        if (this.#ready.get(id) !== arrival) return;
        this.#site.learn(answer as unknown as StreamRecord);
        // Either it has arrived by that, or it never will.
        if (this.#ready.get(id) === arrival) this.abort(id);
      },
      () => {
        if (this.#ready.get(id) !== arrival) return;
        arrival.cancel = this.#site.options.clock.after(
          "arrival in doubt",
          LIMITS.reconnectMsMax,
          () => this.#doubt(id),
        );
      },
    );
  }
}
