import type { MeanderError } from "../base/index.ts";
import { encodeChain } from "./chain.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { APPEND_BYTES, type Frame, SEGMENT, SEGMENT_BYTES, type Segment } from "./frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import type { Locations } from "./locations.ts";
import type { EndpointId } from "./model.ts";
import { type ReplyWaiter, ReplyWaiters } from "./reply-waiters.ts";
import { RoundTrip } from "./round-trip.ts";
import { SegmentQueue } from "./segment-queue.ts";
import type { WindowState } from "./stream-state.ts";
import type { WindowOwner } from "./window-owner.ts";
import { WindowWidth } from "./window-width.ts";

/** Where the target is. */
type TargetLocation = NonNullable<ReturnType<Locations["get"]>>;

/** A frame's `segments` are counted in 16 bits. */
const SEGMENTS_PER_FRAME = 1_024;
/** Higher than any number: nothing is held back. */
const ALL = Number.MAX_SAFE_INTEGER;

/**
 * The messages from one source to one target that are not known to be consumed (docs/spec/streams.md [M2],
 * [M25]-[M29]).
 *
 * It sends what the target's credit, its own width and the owner's record allow, measures the round trip, and
 * retransmits what was not acknowledged in time. Its width grows with what arrives in time and halves with what does
 * not.
 */
export class SendWindow {
  readonly target: EndpointId;
  readonly targetName: string;
  readonly #context: KernelContext;
  readonly #owner: WindowOwner;
  readonly #roundTrip = new RoundTrip();
  readonly #width = new WindowWidth();
  readonly #waiters = new ReplyWaiters();
  readonly #queue: SegmentQueue;
  /** Up to here the owner's record is kept. */
  #released = ALL;
  /** Highest number sent to the present location of the target. */
  #sent = 0;
  #received = 0;
  #credit = WindowWidth.INITIAL;
  #resync = false;
  #resyncSent = false;
  /** What the round trip is measured with: a segment sent once, and when. */
  #probe: { readonly sequence: number; readonly at: number } | undefined;
  /** Highest number ever sent to this location: above it nothing was sent twice. */
  #highest = 0;
  #repairedAt = -1;
  readonly #timer: DeadlineTimer;
  #closed = false;

  constructor(
    context: KernelContext,
    owner: WindowOwner,
    to: { readonly target: EndpointId; readonly targetName: string },
    {
      held,
      resync,
      first = 1,
    }: { readonly held: boolean; readonly resync: boolean; readonly first?: number },
  ) {
    this.#context = context;
    this.#owner = owner;
    this.target = to.target;
    this.targetName = to.targetName;
    this.#resync = resync;
    if (held) this.#released = 0;
    this.#queue = new SegmentQueue(first);
    this.#timer = new DeadlineTimer(context.clock, "window", (isDue) =>
      context.turn(() => {
        if (isDue) this.#timedOut();
        context.atTurnEnd(this);
      }),
    );
    this.#sent = this.#received = this.#highest = first - 1;
  }

  /** Segments that are not known to be consumed. */
  get unacknowledged(): number {
    return this.#queue.next - this.#queue.base;
  }

  get width(): number {
    return this.#width.segments;
  }

  get roundTripMs(): number {
    return this.#roundTrip.smoothedMs ?? 0;
  }

  get base(): number {
    return this.#queue.base;
  }

  get next(): number {
    return this.#queue.next;
  }

  get sent(): number {
    return this.#sent;
  }

  get received(): number {
    return this.#received;
  }

  /** Whether the source should wait before it appends more. */
  get isFull(): boolean {
    return this.#queue.isFull;
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  /** Adds a message. @returns the number that names it: its last segment's */
  push(
    payload: Uint8Array,
    options: { readonly chain?: readonly EndpointId[]; readonly waiter?: ReplyWaiter } = {},
  ): number {
    const { chain = [], waiter } = options;
    const message = chain.length === 0 ? payload : encodeChain(chain, payload);
    const flags =
      (waiter === undefined ? 0 : SEGMENT.wantsReply) | (chain.length === 0 ? 0 : SEGMENT.chain);
    const segmentBytes = this.#context.segmentBytes - this.#principalBytes;
    const name = this.#queue.push(message, flags, segmentBytes);
    if (waiter !== undefined) this.#waiters.add(name, waiter);
    this.#context.atTurnEnd(this);
    return name;
  }

  /** The caller no longer waits for that reply. */
  forgetWaiter(sequence: number): void {
    this.#waiters.forget(sequence);
  }

  /** The reply to a message has arrived. False when no caller waits for it. */
  replied(sequence: number, outcome: Uint8Array | MeanderError | undefined): boolean {
    return this.#waiters.settle(sequence, outcome);
  }

  /** The owner's record holds all up to here: it may leave. */
  release(upTo: number): void {
    if (upTo <= this.#released) return;
    this.#released = upTo;
    this.#context.atTurnEnd(this);
  }

  acknowledged(frame: Extract<Frame, { type: "ack" }>): void {
    const context = this.#context;
    const epoch = context.locations.get(this.target)?.streamEpoch ?? 0;
    // [M9] Before a resync, and from an earlier location, acks mean nothing.
    if (this.#resync || frame.targetEpoch < epoch) {
      context.count("stale-ack");
      return;
    }
    if (
      frame.consumed >= this.#queue.next ||
      frame.received >= this.#queue.next ||
      frame.consumed > frame.received
    ) {
      context.count("impossible-ack");
      return;
    }
    const arrived = frame.received - Math.max(this.#received, this.#queue.base - 1);
    if (frame.received > this.#received) this.#received = frame.received;
    if (this.#sent < this.#received) this.#sent = this.#received;
    this.#credit = frame.credit;
    if (arrived > 0) {
      this.#roundTrip.progressed();
      this.#width.arrived(arrived);
    }
    const now = context.clock.now();
    if (this.#probe !== undefined && this.#received >= this.#probe.sequence) {
      this.#roundTrip.measured(now - this.#probe.at);
      this.#probe = undefined;
    }
    if (frame.consumed >= this.#queue.base) {
      this.#queue.forget(frame.consumed);
      this.#passed(frame.consumed);
    }
    if (frame.beyondGap > this.#received + 1) this.#repair(frame.beyondGap);
    this.#timer.deadline =
      this.#sent >= this.#queue.base ? now + this.#roundTrip.timeoutMs : Number.POSITIVE_INFINITY;
    this.#owner.windowMoved(this);
    context.atTurnEnd(this);
  }

  /** The target has another location, its site another instance, or it may have forgotten: what was sent may be lost. */
  rerouted(): void {
    this.#sent = this.#queue.base - 1;
    this.#received = this.#queue.base - 1;
    this.#highest = this.#sent;
    this.#probe = undefined;
    this.#resyncSent = false;
    this.#credit = WindowWidth.INITIAL;
    this.#width.rerouted();
    this.#timer.deadline = Number.POSITIVE_INFINITY;
    this.#context.atTurnEnd(this);
  }

  /** Whether its numbers are not those of the target yet. */
  get awaitsNumber(): boolean {
    return this.#resync;
  }

  /** The target answers which number to continue with. False: that was known. */
  resynced(received: number): boolean {
    if (!this.#resync) return false;
    this.#resync = false;
    const shift = received + 1 - this.#queue.base;
    this.#queue.renumber(shift);
    if (this.#released !== ALL) this.#released += shift;
    this.#waiters.renumber(shift);
    this.rerouted();
    return true;
  }

  /** Gives up all messages. @returns how many there were */
  discard(error: MeanderError): number {
    const messages = this.#queue.clear();
    this.#passed(this.#queue.base - 1);
    this.#waiters.rejectAll(error);
    this.#timer.deadline = Number.POSITIVE_INFINITY;
    return messages;
  }

  /** Stops for good and rejects those who wait for replies. */
  close(error: MeanderError): void {
    this.#closed = true;
    this.#timer.cancel();
    this.#waiters.rejectAll(error);
  }

  /** No reply will arrive any more. */
  rejectWaiters(error: MeanderError): void {
    this.#waiters.rejectAll(error);
  }

  state(): WindowState {
    return {
      target: this.target,
      targetName: this.targetName,
      base: this.#queue.base,
      next: this.#queue.next,
      resync: this.#resync,
      segments: this.#queue.segments(),
    };
  }

  /** Takes over the window that the stream had at another site. Its callers waited there. */
  adopt({ base, next, segments }: WindowState): void {
    const { wantsReply } = SEGMENT;
    const unawaited = segments.map((each) => ({ ...each, flags: each.flags & ~wantsReply }));
    this.#queue.adopt(base, next, unawaited);
    this.rerouted();
  }

  endTurn(): void {
    if (this.#closed) return;
    this.#pump();
    this.#timer.arm();
  }

  #pump(): void {
    const { locations, clock } = this.#context;
    if (!this.#owner.maySend || this.isEmpty) return;
    const location = locations.get(this.target);
    if (location === undefined || !location.live) return;
    if (this.#resync) {
      if (!this.#resyncSent) this.#askForNumber(location);
      return;
    }
    // The width bounds what is in flight; the credit, what the target has to buffer.
    const last = Math.min(
      this.#queue.next - 1,
      this.#released,
      this.#queue.base - 1 + this.#credit,
      this.#received + this.#width.segments,
    );
    if (this.#sent >= last) {
      // Without credit nothing is in flight that would bring an ack: one is asked for.
      if (
        this.#sent < Math.min(this.#queue.next - 1, this.#released) &&
        this.#timer.deadline === Number.POSITIVE_INFINITY
      )
        this.#timer.deadline = clock.now() + this.#roundTrip.timeoutMs;
      return;
    }
    if (this.#probe === undefined && this.#sent >= this.#highest)
      this.#probe = { sequence: this.#sent + 1, at: clock.now() };
    const wasIdle = this.#timer.deadline === Number.POSITIVE_INFINITY;
    while (this.#sent < last) this.#sent = this.#sendFrom(this.#sent + 1, last, location);
    this.#highest = Math.max(this.#highest, this.#sent);
    if (wasIdle) this.#timer.deadline = clock.now() + this.#roundTrip.timeoutMs;
  }

  /** Sends one frame of segments from `first` on. @returns the last one in it */
  #sendFrom(first: number, last: number, location: TargetLocation): number {
    const segments: Segment[] = [];
    const { frameBytes } = this.#context;
    let room = frameBytes - APPEND_BYTES - this.#owner.name.length - this.#principalBytes;
    let at = first;
    while (at <= last && segments.length < SEGMENTS_PER_FRAME) {
      const segment = this.#queue.at(at);
      room -= SEGMENT_BYTES + segment.bytes.byteLength;
      if (room < 0 && segments.length > 0) break;
      segments.push(segment);
      at++;
    }
    this.#context.send(location.siteInstance, this.#frame(first, segments, location.streamEpoch));
    return at - 1;
  }

  /** At most what the owner's principal takes of a frame: names of people have characters of up to three bytes. */
  get #principalBytes(): number {
    const { principal } = this.#owner;
    return principal === undefined ? 0 : 1 + 3 * principal.length;
  }

  #frame(first: number, segments: readonly Segment[], targetEpoch: number): Frame {
    const { principal } = this.#owner;
    return {
      type: "append",
      source: this.#owner.id,
      sourceEpoch: this.#owner.streamEpoch,
      target: this.target,
      targetEpoch,
      base: this.#queue.base,
      first,
      sourceName: this.#owner.name,
      ...(principal === undefined ? {} : { sourcePrincipal: principal }),
      segments,
    };
  }

  #askForNumber(location: TargetLocation): void {
    this.#resyncSent = true;
    const { id: source, streamEpoch: sourceEpoch } = this.#owner;
    const { target } = this;
    const targetEpoch = location.streamEpoch;
    const frame = { type: "resync", source, sourceEpoch, target, targetEpoch } as const;
    this.#context.send(location.siteInstance, frame);
    this.#timer.deadline = this.#context.clock.now() + this.#roundTrip.timeoutMs;
  }

  /** All up to there need not be sent. */
  #passed(upTo: number): void {
    if (this.#sent < upTo) this.#sent = upTo;
    if (this.#received < upTo) this.#received = upTo;
  }

  /** Retransmits what is missing before `beyondGap`, once in a round trip. */
  #repair(beyondGap: number): void {
    const now = this.#context.clock.now();
    if (now - this.#repairedAt < (this.#roundTrip.smoothedMs ?? 1)) return;
    const location = this.#context.locations.get(this.target);
    if (location === undefined || !location.live || !this.#owner.maySend) return;
    this.#repairedAt = now;
    this.#probe = undefined;
    this.#context.count("repeated");
    const last = Math.min(beyondGap - 1, this.#sent);
    let at = this.#received + 1;
    while (at <= last) at = this.#sendFrom(at, last, location) + 1;
  }

  #timedOut(): void {
    const location = this.#context.locations.get(this.target);
    this.#roundTrip.timedOut();
    this.#timer.deadline = this.#context.clock.now() + this.#roundTrip.timeoutMs;
    if (location === undefined || !location.live || !this.#owner.maySend) return;
    this.#probe = undefined;
    if (this.#resync) {
      this.#askForNumber(location);
      return;
    }
    if (this.isEmpty) {
      this.#timer.deadline = Number.POSITIVE_INFINITY;
      return;
    }
    if (this.#received >= this.#sent) {
      // Everything has arrived and waits to be consumed: only check that the target still exists.
      this.#context.count("asked");
      this.#context.send(
        location.siteInstance,
        this.#frame(this.#queue.base, [], location.streamEpoch),
      );
      return;
    }
    this.#width.timedOut();
    this.#sent = this.#received;
    this.#context.count("repeated");
    this.#context.atTurnEnd(this);
  }
}
