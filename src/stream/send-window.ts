import { type Cancel, LIMITS, MeanderError } from "../base/index.ts";
import { APPEND_BYTES, type Frame, SEGMENT, SEGMENT_BYTES, type Segment } from "./frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import type { EndpointId } from "./model.ts";
import { RoundTrip } from "./round-trip.ts";

/** Who sends through a window. */
export interface WindowOwner {
  readonly id: EndpointId;
  readonly name: string;
  readonly streamEpoch: number;
  /** False while its site's lease is out, or while it moves. */
  readonly maySend: boolean;
  /** The window has room again, or is empty. */
  windowMoved(window: SendWindow): void;
}

/** What a message that waits for its reply is told. */
export interface ReplyWaiter {
  resolve(value: Uint8Array | undefined): void;
  reject(error: MeanderError): void;
}

/** A window as it travels with its stream. */
export interface WindowState {
  readonly target: EndpointId;
  readonly targetName: string;
  readonly base: number;
  readonly next: number;
  readonly resync: boolean;
  readonly segments: readonly Segment[];
}

/** A frame's `segments` are counted in 16 bits. */
const SEGMENTS_PER_FRAME = 1_024;
const WIDTH_FIRST = 32;
const WIDTH_MIN = 2;
/** Nothing is held back. */
const ALL = Number.MAX_SAFE_INTEGER;

/**
 * The messages from one source to one target that are not known to be consumed (docs/spec/streams.md [M2], [M25]-[M29]).
 *
 * It sends what the target's credit, its own width and the owner's record allow, measures the round trip, and sends again what
 * was not acknowledged in the time that should take. Its width grows with what arrives in time and halves with what does not.
 */
export class SendWindow {
  readonly target: EndpointId;
  readonly targetName: string;
  readonly #context: KernelContext;
  readonly #owner: WindowOwner;
  readonly #roundTrip = new RoundTrip();
  readonly #waiters = new Map<number, ReplyWaiter>();
  /** From `#base` on; those before `#head` are forgotten. */
  #segments: Segment[] = [];
  #head = 0;
  #bytes = 0;
  #base = 1;
  /** The number that the next segment gets. */
  #next = 1;
  /** Up to here the owner's record is kept. */
  #released = ALL;
  /** Highest sent to the place where the target is now. */
  #sent = 0;
  #received = 0;
  #credit = WIDTH_FIRST;
  #width = WIDTH_FIRST;
  #threshold: number = LIMITS.streamWindowSegmentsMax;
  #resync = false;
  #resyncSent = false;
  /** What the round trip is measured with: a segment sent once, and when. */
  #probe: { readonly sequence: number; readonly at: number } | undefined;
  /** Highest sent ever to this place: above it nothing was sent twice. */
  #highest = 0;
  #repairedAt = -1;
  #deadline = Number.POSITIVE_INFINITY;
  #cancelTimer: Cancel | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(
    context: KernelContext,
    owner: WindowOwner,
    to: { readonly target: EndpointId; readonly targetName: string },
    options: { readonly held: boolean; readonly resync: boolean; readonly first?: number },
  ) {
    this.#context = context;
    this.#owner = owner;
    this.target = to.target;
    this.targetName = to.targetName;
    this.#resync = options.resync;
    if (options.held) this.#released = 0;
    const { first = 1 } = options;
    this.#base = this.#next = first;
    this.#sent = this.#received = this.#highest = first - 1;
  }

  /** Segments that are not known to be consumed. */
  get unacknowledged(): number {
    return this.#next - this.#base;
  }

  get width(): number {
    return Math.floor(this.#width);
  }

  get roundTripMs(): number {
    return this.#roundTrip.smoothedMs ?? 0;
  }

  get base(): number {
    return this.#base;
  }

  get next(): number {
    return this.#next;
  }

  get sent(): number {
    return this.#sent;
  }

  get received(): number {
    return this.#received;
  }

  /** Whether the source should wait before it gives more. */
  get isFull(): boolean {
    return (
      this.unacknowledged >= LIMITS.streamWindowSegmentsMax ||
      this.#bytes >= LIMITS.streamWindowBytesMax
    );
  }

  get isEmpty(): boolean {
    return this.#next === this.#base;
  }

  /** Takes one message. @returns the number that names it: its last segment's */
  push(
    payload: Uint8Array,
    options: { readonly chain?: readonly EndpointId[]; readonly waiter?: ReplyWaiter } = {},
  ): number {
    const { chain = [], waiter } = options;
    let flags = waiter === undefined ? 0 : SEGMENT.wantsReply;
    let bytes = payload;
    if (chain.length > 0) {
      flags |= SEGMENT.chain;
      bytes = withChain(chain, payload);
    }
    const most = this.#context.segmentBytes;
    if (bytes.byteLength <= most) this.#add({ flags: flags | SEGMENT.end, bytes });
    else {
      for (let at = 0; at < bytes.byteLength; at += most) {
        const end = Math.min(at + most, bytes.byteLength);
        const last = end === bytes.byteLength ? SEGMENT.end : 0;
        this.#add({ flags: (at === 0 ? flags : 0) | last, bytes: bytes.subarray(at, end) });
      }
    }
    const name = this.#next - 1;
    if (waiter !== undefined) this.#waiters.set(name, waiter);
    this.#context.atTurnEnd(this);
    return name;
  }

  /** Nobody waits for that reply any more. */
  forgetWaiter(sequence: number): void {
    this.#waiters.delete(sequence);
  }

  /** The reply to a message came. False when nobody waits for it. */
  replied(sequence: number, outcome: Uint8Array | MeanderError | undefined): boolean {
    const waiter = this.#waiters.get(sequence);
    if (waiter === undefined) return false;
    this.#waiters.delete(sequence);
    if (outcome instanceof MeanderError) waiter.reject(outcome);
    else waiter.resolve(outcome);
    return true;
  }

  /** The owner's record holds all up to here: it may leave. */
  release(upTo: number): void {
    if (upTo <= this.#released) return;
    this.#released = upTo;
    this.#context.atTurnEnd(this);
  }

  acknowledged(frame: Extract<Frame, { type: "ack" }>): void {
    const context = this.#context;
    // The numbers are not those of the target yet.
    if (this.#resync) {
      context.count("stale-ack");
      return;
    }
    const epoch = context.locations.get(this.target)?.streamEpoch ?? 0;
    // [M9] What an earlier place of the target says counts no more.
    if (frame.targetEpoch < epoch) {
      context.count("stale-ack");
      return;
    }
    if (
      frame.consumed >= this.#next ||
      frame.received >= this.#next ||
      frame.consumed > frame.received
    ) {
      context.count("impossible-ack");
      return;
    }
    const arrived = frame.received - Math.max(this.#received, this.#base - 1);
    if (frame.received > this.#received) this.#received = frame.received;
    if (this.#sent < this.#received) this.#sent = this.#received;
    this.#credit = frame.credit;
    if (arrived > 0) this.#widen(arrived);
    const now = context.clock.now();
    if (this.#probe !== undefined && this.#received >= this.#probe.sequence) {
      this.#roundTrip.measured(now - this.#probe.at);
      this.#probe = undefined;
    }
    if (frame.consumed >= this.#base) this.#forget(frame.consumed);
    if (frame.beyondGap > this.#received + 1) this.#repair(frame.beyondGap);
    this.#deadline =
      this.#sent >= this.#base ? now + this.#roundTrip.timeoutMs : Number.POSITIVE_INFINITY;
    this.#owner.windowMoved(this);
    context.atTurnEnd(this);
  }

  /** The target is somewhere else, or its site is another one: what was sent may be lost. */
  rerouted(): void {
    this.#sent = this.#base - 1;
    this.#received = this.#base - 1;
    this.#highest = this.#sent;
    this.#probe = undefined;
    this.#resyncSent = false;
    this.#credit = WIDTH_FIRST;
    this.#width = Math.min(this.#width, WIDTH_FIRST);
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#context.atTurnEnd(this);
  }

  /** Whether its numbers are not those of the target yet. */
  get awaitsNumber(): boolean {
    return this.#resync;
  }

  /** The target said where to go on. False: that was known. */
  resynced(received: number): boolean {
    if (!this.#resync) return false;
    this.#resync = false;
    const shift = received + 1 - this.#base;
    this.#base += shift;
    this.#next += shift;
    if (this.#released !== ALL) this.#released += shift;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const [sequence, waiter] of waiters) this.#waiters.set(sequence + shift, waiter);
    this.rerouted();
    return true;
  }

  /** Gives up all messages. @returns how many there were */
  discard(error: MeanderError): number {
    let messages = 0;
    for (let index = this.#head; index < this.#segments.length; index++) {
      if (((this.#segments[index]?.flags ?? 0) & SEGMENT.end) !== 0) messages++;
    }
    this.#forget(this.#next - 1);
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#sent = Math.max(this.#sent, this.#base - 1);
    return messages;
  }

  /** Stops for good; whoever waits for a reply is told. */
  close(error: MeanderError): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.rejectWaiters(error);
  }

  /** Tells all who wait for a reply that none will come. */
  rejectWaiters(error: MeanderError): void {
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
  }

  state(): WindowState {
    return {
      target: this.target,
      targetName: this.targetName,
      base: this.#base,
      next: this.#next,
      resync: this.#resync,
      segments: this.#segments.slice(this.#head),
    };
  }

  /** Takes up what another place's window had. */
  adopt(state: WindowState): void {
    this.#base = state.base;
    this.#next = state.next;
    this.#segments = [...state.segments];
    this.#head = 0;
    this.#bytes = state.segments.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    // Those who waited did so elsewhere.
    this.#segments = this.#segments.map(({ flags, bytes }) => ({
      flags: flags & ~SEGMENT.wantsReply,
      bytes,
    }));
    this.rerouted();
  }

  endTurn(): void {
    if (this.#closed) return;
    this.#pump();
    this.#arm();
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
    // The width bounds what is under way; the credit, what the target has to hold.
    const last = Math.min(
      this.#next - 1,
      this.#released,
      this.#base - 1 + this.#credit,
      this.#received + Math.floor(this.#width),
    );
    if (this.#sent >= last) {
      // Without credit nothing is under way that would bring news of it: it is asked for.
      if (
        this.#sent < Math.min(this.#next - 1, this.#released) &&
        this.#deadline === Number.POSITIVE_INFINITY
      )
        this.#deadline = clock.now() + this.#roundTrip.timeoutMs;
      return;
    }
    if (this.#probe === undefined && this.#sent >= this.#highest)
      this.#probe = { sequence: this.#sent + 1, at: clock.now() };
    const wasIdle = this.#deadline === Number.POSITIVE_INFINITY;
    while (this.#sent < last) this.#sent = this.#sendFrom(this.#sent + 1, last, location);
    this.#highest = Math.max(this.#highest, this.#sent);
    if (wasIdle) this.#deadline = clock.now() + this.#roundTrip.timeoutMs;
  }

  /** Sends one frame of segments from `first` on. @returns the last one in it */
  #sendFrom(
    first: number,
    last: number,
    location: {
      readonly siteInstance: Parameters<KernelContext["send"]>[0];
      readonly streamEpoch: number;
    },
  ): number {
    const segments: Segment[] = [];
    let room = this.#context.frameBytes - APPEND_BYTES - this.#owner.name.length;
    let at = first;
    while (at <= last && segments.length < SEGMENTS_PER_FRAME) {
      const segment = this.#segments[this.#head + at - this.#base] as Segment;
      room -= SEGMENT_BYTES + segment.bytes.byteLength;
      if (room < 0 && segments.length > 0) break;
      segments.push(segment);
      at++;
    }
    this.#context.send(location.siteInstance, this.#frame(first, segments, location.streamEpoch));
    return at - 1;
  }

  #frame(first: number, segments: readonly Segment[], targetEpoch: number): Frame {
    return {
      type: "append",
      source: this.#owner.id,
      sourceEpoch: this.#owner.streamEpoch,
      target: this.target,
      targetEpoch,
      base: this.#base,
      first,
      sourceName: this.#owner.name,
      segments,
    };
  }

  #askForNumber(location: {
    readonly siteInstance: Parameters<KernelContext["send"]>[0];
    readonly streamEpoch: number;
  }): void {
    this.#resyncSent = true;
    this.#context.send(location.siteInstance, {
      type: "resync",
      source: this.#owner.id,
      sourceEpoch: this.#owner.streamEpoch,
      target: this.target,
      targetEpoch: location.streamEpoch,
    });
    this.#deadline = this.#context.clock.now() + this.#roundTrip.timeoutMs;
  }

  #add(segment: Segment): void {
    this.#segments.push(segment);
    this.#bytes += segment.bytes.byteLength;
    this.#next++;
  }

  #forget(upTo: number): void {
    const count = upTo + 1 - this.#base;
    for (let index = 0; index < count; index++) {
      this.#bytes -= this.#segments[this.#head + index]?.bytes.byteLength ?? 0;
    }
    this.#head += count;
    this.#base = upTo + 1;
    if (this.#sent < upTo) this.#sent = upTo;
    if (this.#received < upTo) this.#received = upTo;
    const isEmpty = this.#head === this.#segments.length;
    if (isEmpty || (this.#head > 32 && this.#head * 2 > this.#segments.length)) {
      this.#segments = this.#segments.slice(this.#head);
      this.#head = 0;
    }
  }

  #widen(arrived: number): void {
    this.#roundTrip.progressed();
    this.#width += this.#width < this.#threshold ? arrived : arrived / this.#width;
    this.#width = Math.min(this.#width, LIMITS.streamWindowSegmentsMax);
  }

  /** Sends again what is missing before `beyondGap`, once in a round trip. */
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
    this.#deadline = this.#context.clock.now() + this.#roundTrip.timeoutMs;
    if (location === undefined || !location.live || !this.#owner.maySend) return;
    this.#probe = undefined;
    if (this.#resync) {
      this.#askForNumber(location);
      return;
    }
    if (this.isEmpty) {
      this.#deadline = Number.POSITIVE_INFINITY;
      return;
    }
    if (this.#received >= this.#sent) {
      // All has arrived and is not consumed yet: only ask whether the target is still there.
      this.#context.count("asked");
      this.#context.send(location.siteInstance, this.#frame(this.#base, [], location.streamEpoch));
      return;
    }
    this.#threshold = Math.max(this.#width / 2, WIDTH_MIN);
    this.#width = this.#threshold;
    this.#sent = this.#received;
    this.#context.count("repeated");
    this.#context.atTurnEnd(this);
  }

  /** One timer for each window; it is set anew only when it rings. */
  #arm(): void {
    if (this.#deadline >= this.#timerAt || this.#closed) return;
    this.#cancelTimer?.();
    const { clock } = this.#context;
    this.#timerAt = this.#deadline;
    this.#cancelTimer = clock.after("window", Math.max(0, this.#deadline - clock.now()), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#cancelTimer = undefined;
      this.#context.turn(() => {
        if (clock.now() >= this.#deadline) this.#timedOut();
        this.#context.atTurnEnd(this);
      });
    });
  }
}

function withChain(chain: readonly EndpointId[], payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + 8 * chain.length + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, chain.length);
  chain.forEach((id, index) => {
    view.setFloat64(1 + 8 * index, id);
  });
  bytes.set(payload, 1 + 8 * chain.length);
  return bytes;
}
