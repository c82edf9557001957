import type { Frame } from "./frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import { type EndpointId, isStream, type SiteInstance } from "./model.ts";
import { type Arrival, type PairOwner, type PairState, ReceivePair } from "./receive-pair.ts";

/** The senders that a stream has received messages from, each with its FIFO order. */
export class InboundPairs {
  readonly #context: KernelContext;
  readonly #owner: PairOwner;
  readonly #pairs = new Map<EndpointId, ReceivePair>();

  /** @param states what travelled with the stream */
  constructor(context: KernelContext, owner: PairOwner, states: readonly PairState[]) {
    this.#context = context;
    this.#owner = owner;
    for (const state of states)
      this.#pairs.set(state.source, new ReceivePair(context, owner, state));
  }

  get all(): ReadonlyMap<EndpointId, ReceivePair> {
    return this.#pairs;
  }

  /** Accepts segments; `receive` gets each message that is complete now. */
  accept(
    from: SiteInstance,
    frame: Extract<Frame, { type: "append" }>,
    receive: (arrival: Arrival) => void,
  ): void {
    let pair = this.#pairs.get(frame.source);
    if (pair === undefined) {
      const { source, sourceName, sourceEpoch } = frame;
      const state = { source, sourceName, sourceEpoch, consumed: 0, siteInstance: from };
      pair = new ReceivePair(this.#context, this.#owner, state);
      this.#pairs.set(source, pair);
    }
    pair.accept(from, frame, receive);
  }

  /** Tells a source that its messages are not accepted. */
  refuse(from: SiteInstance, source: EndpointId, reason: string): void {
    const { address: target, streamEpoch: targetEpoch } = this.#owner;
    const code = "append-denied";
    this.#context.send(from, {
      type: "refused",
      source,
      target,
      targetEpoch,
      code,
      message: reason,
    });
  }

  /**
   * A source that lost its numbers asks where to continue; 0: from the start. Undefined: it has a later epoch
   * elsewhere.
   */
  resync(from: SiteInstance, source: EndpointId, sourceEpoch: number): number | undefined {
    const pair = this.#pairs.get(source);
    return pair === undefined ? 0 : pair.resync(from, sourceEpoch);
  }

  /** Every sender is told again what has arrived. */
  touch(): void {
    for (const pair of this.#pairs.values()) this.#context.atTurnEnd(pair);
  }

  delete(source: EndpointId): void {
    this.#pairs.delete(source);
  }

  /** Forgets the shells whose messages are consumed and that have sent nothing since that time. @returns their ids */
  prune(olderThan: number): EndpointId[] {
    const silent = [...this.#pairs]
      .filter(([id, pair]) => !isStream(id) && pair.lastAt < olderThan)
      .filter(([, { consumed, received }]) => consumed === received)
      .map(([id]) => id);
    for (const id of silent) this.#pairs.delete(id);
    return silent;
  }

  states(): PairState[] {
    return [...this.#pairs.values()].map((pair) => pair.state());
  }
}
