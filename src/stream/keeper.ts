import { MeanderError } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { EndpointId } from "./model.ts";
import type { RecordStore } from "./network.ts";
import { decodeMark, stateWithMark } from "./run-mark.ts";
import { decodeState, encodeState } from "./stream-state.ts";

interface Kept {
  /** Writes of lower epochs are refused. */
  fence: number;
  /** Undefined: none yet. */
  state: Uint8Array | undefined;
}

/**
 * The records of other sites' streams, kept here as their failure manager (docs/spec/streams.md [M7], [M33]). What
 * `put` has settled for survives the end of this process; a write of an epoch below the fence is refused, so that a
 * site that was given up cannot commit any more.
 */
export class Keeper {
  readonly #store: RecordStore;
  /** The newest of each stream, and the writes that are on their way to the store. */
  readonly #cache = new Map<EndpointId, Kept>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** @throws {MeanderError} `record-fenced` */
  put(stream: EndpointId, streamEpoch: number, state: Uint8Array): Promise<void> {
    return this.#inOrder(async () => {
      const kept = await this.#read(stream);
      if (streamEpoch < kept.fence) throw fenced(stream, kept.fence);
      const next = { fence: streamEpoch, state };
      await this.#store.put([{ stream, bytes: packValue([next.fence, next.state]) }]);
      this.#cache.set(stream, next);
    });
  }

  /**
   * Notes which messages of a stream are about to run in the process of its site. Until there is a record without them,
   * they are what has ended that process, should it end. @throws {MeanderError} `record-fenced`
   */
  mark(stream: EndpointId, streamEpoch: number, mark: Uint8Array): Promise<void> {
    return this.#inOrder(async () => {
      const kept = await this.#read(stream);
      if (streamEpoch < kept.fence) throw fenced(stream, kept.fence);
      await this.#store.put([{ stream: -stream, bytes: packValue([streamEpoch, mark]) }]);
    });
  }

  /**
   * The newest record, for a takeover: from now on lower epochs are refused. What was to run in the process of the site
   * that is replaced is a suspect in it.
   */
  fetch(stream: EndpointId, streamEpoch: number): Promise<Uint8Array | undefined> {
    return this.#inOrder(async () => {
      const kept = await this.#read(stream);
      if (streamEpoch <= kept.fence) return kept.state;
      const next = { fence: streamEpoch, state: await this.#marked(stream, kept) };
      await this.#store.put([{ stream, bytes: packValue([next.fence, next.state ?? null]) }]);
      this.#cache.set(stream, next);
      return next.state;
    });
  }

  /** The stream is no more. */
  forget(stream: EndpointId): Promise<void> {
    return this.#inOrder(async () => {
      this.#cache.delete(stream);
      await this.#store.delete(stream);
      await this.#store.delete(-stream);
    });
  }

  /** A record's state with what its mark says, when both are of one epoch. */
  async #marked(stream: EndpointId, { fence, state }: Kept): Promise<Uint8Array | undefined> {
    const bytes = await this.#store.get(-stream);
    const noted = bytes === undefined ? undefined : readKept(bytes);
    if (state === undefined || noted?.state === undefined || noted.fence !== fence) return state;
    const [known, mark] = [decodeState(state), decodeMark(noted.state)];
    if (known === undefined || mark === undefined) return state;
    return encodeState(stateWithMark(known, mark));
  }

  async #read(stream: EndpointId): Promise<Kept> {
    const cached = this.#cache.get(stream);
    if (cached !== undefined) return cached;
    const bytes = await this.#store.get(stream);
    const kept = bytes === undefined ? undefined : readKept(bytes);
    return kept ?? { fence: 0, state: undefined };
  }

  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task, task);
    this.#turn = result.catch(() => {
      // The caller has the error.
    });
    return result;
  }
}

function readKept(bytes: Uint8Array): Kept | undefined {
  const value = unpackValue(bytes);
  if (!Array.isArray(value)) return undefined;
  const [fence, state] = value as unknown[];
  if (typeof fence !== "number") return undefined;
  return { fence, state: state instanceof Uint8Array ? state : undefined };
}

function fenced(stream: EndpointId, fence: number): MeanderError {
  return new MeanderError("record-fenced", `epoch ${fence} of the stream is kept already`, {
    where: `stream ${stream}`,
    next: "what this site did for it since is void; it goes on elsewhere",
  });
}
