import { type Clock, MeanderError } from "../base/index.ts";
import type { StreamRecord } from "../session/index.ts";
import {
  encodeMark,
  type MarkStore,
  type RunMark,
  type RunMarks,
  type SiteInstance,
  type StreamState,
  stateWithMark,
} from "../stream/index.ts";

/** What {@link InlineMarks} use. */
export interface InlineMarksPorts {
  readonly self: SiteInstance;
  readonly clock: Clock;
  /** Of this site, for streams without records; undefined: those are not noted. */
  readonly store: MarkStore | undefined;
  /** Notes it where a stream's record is kept. */
  write(record: StreamRecord, mark: Uint8Array): Promise<void>;
}

/**
 * Notes which messages are about to run in the process of this site: with the stream's record, so that whoever takes it
 * over knows, or, of a stream without one, on this site's own disk (docs/spec/streams.md [M14]).
 */
export class InlineMarks {
  readonly #ports: InlineMarksPorts;

  constructor(ports: InlineMarksPorts) {
    this.#ports = ports;
  }

  /** The last run of this site did not end in order: what it ran inline may have ended it. */
  get isAfterDeath(): boolean {
    return this.#ports.store?.isAfterDeath ?? false;
  }

  /** The marks of a stream that is installed here. */
  of(record: StreamRecord): RunMarks {
    const { self, clock, store, write } = this.#ports;
    return {
      set: (messages, suspects) => {
        const at = Math.round(clock.wall());
        const mark: RunMark = { at, siteInstance: self, messages, suspects };
        if (record.durability.type !== "none")
          return write(record, encodeMark(mark)).catch(unlessUnknown);
        store?.put(record.id, mark);
        return undefined;
      },
    };
  }

  /** A state with what was noted of its stream when the last run of this site ended. */
  withFormer(stream: number, state: StreamState): StreamState {
    const { store } = this.#ports;
    const mark = store?.takeFormer(stream);
    if (store === undefined || mark === undefined) return state;
    const marked = stateWithMark(state, mark);
    // Should the site end before it runs any of them, they are known all the same.
    try {
      store.put(stream, { ...mark, messages: [], suspects: marked.suspects });
    } catch {
      // Then nothing of it can be noted, and nothing of it runs.
    }
    return marked;
  }

  /** A stream is no longer here. */
  forget(stream: number): void {
    this.#ports.store?.delete(stream);
  }
}

/** A keeper of an earlier version notes nothing. */
function unlessUnknown(error: unknown): void {
  if (!(error instanceof MeanderError) || error.code !== "request-unknown") throw error;
}
