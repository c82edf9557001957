import { LIMITS } from "../base/index.ts";
import { decodeChain } from "./chain.ts";
import { type Frame, SEGMENT, type Segment } from "./frames.ts";
import type { Chore, KernelContext } from "./kernel-context.ts";
import type { EndpointId, SiteInstance } from "./model.ts";

/** A complete message. */
export interface Arrival {
  readonly pair: ReceivePair;
  /** Its last segment's number: its name. */
  readonly seq: number;
  /** Its first segment's. */
  readonly first: number;
  readonly payload: Uint8Array;
  readonly chain: readonly EndpointId[];
  readonly wantsReply: boolean;
}

/** What a stream keeps of one of its senders: the slot of the paper's state vector (§2.2). */
export interface PairState {
  readonly source: EndpointId;
  readonly sourceName: string;
  readonly sourceEpoch: number;
  readonly consumed: number;
  /** Where its last frame came from. */
  readonly siteInstance: SiteInstance;
}

/** The receiver. */
export interface PairOwner {
  /** Of the endpoint, or the negative one of its reply box. */
  readonly address: EndpointId;
  readonly streamEpoch: number;
  /** False while its site does not hold its lease. */
  readonly maySend: boolean;
  /** Bytes that it still accepts. */
  readonly room: number;
}

/**
 * Receives from one source at one target: orders and reassembles segments, and acknowledges what is consumed
 * (docs/spec/streams.md [M1], [M2], [M25], [M30]).
 */
export class ReceivePair implements Chore {
  readonly source: EndpointId;
  sourceName: string;
  #sourceEpoch: number;
  #siteInstance: SiteInstance;
  readonly #context: KernelContext;
  readonly #owner: PairOwner;
  /** All up to here have arrived. */
  #received: number;
  /** All up to here are consumed. */
  #consumed: number;
  /** All up to here may be forgotten by the source. */
  #acknowledged: number;
  /** Segments beyond a hole. */
  readonly #early = new Map<number, Segment>();
  #parts: Segment[] = [];
  #lastAt: number;

  constructor(context: KernelContext, owner: PairOwner, state: PairState) {
    this.#context = context;
    this.#owner = owner;
    this.source = state.source;
    this.sourceName = state.sourceName;
    this.#sourceEpoch = state.sourceEpoch;
    this.#siteInstance = state.siteInstance;
    this.#received = state.consumed;
    this.#consumed = state.consumed;
    this.#acknowledged = state.consumed;
    this.#lastAt = context.clock.now();
  }

  /** The highest epoch of the source that was heard of. */
  get sourceEpoch(): number {
    return this.#sourceEpoch;
  }

  get consumed(): number {
    return this.#consumed;
  }

  get received(): number {
    return this.#received;
  }

  get siteInstance(): SiteInstance {
    return this.#siteInstance;
  }

  /** When a frame of it last arrived, on the kernel's clock. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /**
   * Accepts segments; `receive` gets each message that is complete now.
   *
   * @param lossless false: holes are not counted as loss, because the messages mean nothing after a failure
   */
  accept(
    from: SiteInstance,
    frame: Extract<Frame, { type: "append" }>,
    receive: (arrival: Arrival) => void,
    lossless = true,
  ): void {
    const context = this.#context;
    if (frame.sourceEpoch < this.#sourceEpoch) {
      context.count("stale-source");
      return;
    }
    if (frame.sourceEpoch > this.#sourceEpoch) this.#newEpoch(frame.sourceEpoch);
    this.#siteInstance = from;
    this.#lastAt = context.clock.now();
    this.sourceName = frame.sourceName;
    if (frame.base > this.#received + 1) this.#skipTo(frame.base, lossless);
    let sequence = frame.first;
    for (const segment of frame.segments) this.#accept(sequence++, segment, receive);
    for (;;) {
      const next = this.#early.get(this.#received + 1);
      if (next === undefined) break;
      this.#early.delete(this.#received + 1);
      this.#inOrder(next, receive);
    }
    context.atTurnEnd(this);
  }

  /** The handlers of a message have ended, and what they did counts. Messages are consumed in order. */
  consumedUpTo(sequence: number): void {
    if (sequence > this.#consumed) this.#consumed = sequence;
  }

  /** The source may forget all up to here. */
  acknowledgeUpTo(sequence: number): void {
    if (sequence <= this.#acknowledged) return;
    this.#acknowledged = sequence;
    this.#context.atTurnEnd(this);
  }

  /** The source lost its numbers and continues behind what has arrived. @returns the highest number that has arrived */
  resync(from: SiteInstance, sourceEpoch: number): number | undefined {
    if (sourceEpoch < this.#sourceEpoch) return undefined;
    if (sourceEpoch > this.#sourceEpoch) this.#newEpoch(sourceEpoch);
    this.#siteInstance = from;
    return this.#received;
  }

  /** Messages in the target's mailbox were dropped, and have to come again. */
  forgetUnconsumed(): void {
    this.#received = this.#consumed;
    this.#parts = [];
    this.#early.clear();
  }

  state(): PairState {
    return {
      source: this.source,
      sourceName: this.sourceName,
      sourceEpoch: this.#sourceEpoch,
      consumed: this.#consumed,
      siteInstance: this.#siteInstance,
    };
  }

  /** Tells the source what has arrived. */
  endTurn(): void {
    const owner = this.#owner;
    if (!owner.maySend) return;
    let beyondGap = 0;
    if (this.#early.size > 0) {
      beyondGap = Number.MAX_SAFE_INTEGER;
      for (const sequence of this.#early.keys()) beyondGap = Math.min(beyondGap, sequence);
    }
    const width = LIMITS.streamWindowSegmentsMax;
    const waiting = this.#received - this.#acknowledged;
    // A message that is incomplete must not block itself.
    const credit =
      owner.room > 0 ? Math.max(width - waiting + this.#parts.length, 0) + waiting : waiting;
    this.#context.send(this.#siteInstance, {
      type: "ack",
      source: this.source,
      target: owner.address,
      targetEpoch: owner.streamEpoch,
      consumed: this.#acknowledged,
      received: this.#received,
      credit,
      beyondGap,
    });
  }

  #newEpoch(epoch: number): void {
    this.#sourceEpoch = epoch;
    // At its new site the source begins with a whole message.
    this.#received -= this.#parts.length;
    this.#parts = [];
    this.#early.clear();
  }

  /** [M6] What is below `base` was acknowledged to the source, or is lost with it. */
  #skipTo(base: number, lossless: boolean): void {
    const missing = base - 1 - this.#received;
    if (lossless && this.#received > 0) this.#context.count("lost-with-source", missing);
    const nothingWaits = this.#received - this.#parts.length === this.#consumed;
    this.#received = base - 1;
    this.#parts = [];
    for (const sequence of [...this.#early.keys()]) {
      if (sequence < base) this.#early.delete(sequence);
    }
    if (nothingWaits) {
      this.#consumed = base - 1;
      this.#acknowledged = base - 1;
    }
  }

  #accept(sequence: number, segment: Segment, receive: (arrival: Arrival) => void): void {
    if (sequence <= this.#received) {
      this.#context.count("duplicate");
      return;
    }
    if (sequence === this.#received + 1) {
      if (this.#owner.room <= 0) {
        this.#context.count("mailbox-full");
        return;
      }
      this.#inOrder(segment, receive);
      return;
    }
    if (sequence > this.#received + LIMITS.streamWindowSegmentsMax) {
      this.#context.count("beyond-window");
      return;
    }
    this.#early.set(sequence, segment);
  }

  #inOrder(segment: Segment, receive: (arrival: Arrival) => void): void {
    this.#received++;
    if ((segment.flags & SEGMENT.end) === 0) {
      this.#parts.push(segment);
      return;
    }
    const parts = this.#parts;
    const first = parts[0] ?? segment;
    const bytes = parts.length === 0 ? segment.bytes : joined([...parts, segment]);
    this.#parts = [];
    const whole =
      (first.flags & SEGMENT.chain) === 0 ? { payload: bytes, chain: [] } : decodeChain(bytes);
    receive({
      pair: this,
      seq: this.#received,
      first: this.#received - parts.length,
      wantsReply: (first.flags & SEGMENT.wantsReply) !== 0,
      ...whole,
    });
  }
}

function joined(segments: readonly Segment[]): Uint8Array {
  const bytes = new Uint8Array(segments.reduce((sum, each) => sum + each.bytes.byteLength, 0));
  let at = 0;
  for (const segment of segments) {
    bytes.set(segment.bytes, at);
    at += segment.bytes.byteLength;
  }
  return bytes;
}
