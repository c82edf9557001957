import { type Cancel, LIMITS, MeanderError } from "../base/index.ts";
import { packValue, unpackValue } from "../wire/index.ts";
import type { Append, Fault } from "./consumer.ts";
import type { Frame } from "./frames.ts";
import type { KernelContext } from "./kernel-context.ts";
import { type EndpointId, formatMessageName, isStream, type SiteInstance } from "./model.ts";
import { type Arrival, type PairOwner, type PairState, ReceivePair } from "./receive-pair.ts";
import type { ReplyWaiter } from "./reply-waiters.ts";
import { SendWindow } from "./send-window.ts";
import type { WindowState } from "./stream-state.ts";
import type { WindowOwner } from "./window-owner.ts";

/** How a message ended whose sender waits. */
export type Reply =
  | { readonly type: "done"; readonly value: Uint8Array | undefined }
  | { readonly type: "failed"; readonly fault: Fault };

/** Appends to a stream whose name is unknown here so far. */
interface Unresolved {
  readonly payloads: Uint8Array[];
  readonly cancel: Cancel;
}

/**
 * A sender: a stream at this site, a shell, or the site itself. It has a window to each of its receivers, and a reply
 * box, whose address is its own with the sign changed: what is sent there is handled by the kernel, not by the agents,
 * so that a handler can wait for a reply (docs/spec/streams.md [M31]).
 */
export abstract class Endpoint implements WindowOwner {
  readonly id: EndpointId;
  readonly name: string;
  protected readonly context: KernelContext;
  protected readonly windows = new Map<EndpointId, SendWindow>();
  readonly #replyPairs = new Map<EndpointId, ReceivePair>();
  readonly #unresolved = new Map<string, Unresolved>();
  readonly #replyBox: PairOwner;
  readonly #roomWaiters: (() => void)[] = [];

  constructor(context: KernelContext, id: EndpointId, name: string) {
    this.context = context;
    this.id = id;
    this.name = name;
    const streamEpoch = (): number => this.streamEpoch;
    const maySend = (): boolean => this.maySend;
    this.#replyBox = {
      address: -id,
      room: LIMITS.mailboxBytesMax,
      get streamEpoch() {
        return streamEpoch();
      },
      get maySend() {
        return maySend();
      },
    };
  }

  abstract readonly streamEpoch: number;
  abstract readonly maySend: boolean;
  /** Whether new windows wait for `release`. */
  protected get holdsBack(): boolean {
    return false;
  }
  /** Whether receivers that it has no window to may have got messages from it before. */
  protected get lostNumbers(): boolean {
    return false;
  }

  /** The number of the first message to a receiver that it has no window to. */
  protected get firstNumber(): number {
    return 1;
  }

  /** Whether a window is full, or too much waits for an unknown stream. */
  get isFull(): boolean {
    for (const window of this.windows.values()) if (window.isFull) return true;
    for (const { payloads } of this.#unresolved.values())
      if (payloads.length >= LIMITS.streamWindowSegmentsMax) return true;
    return false;
  }

  get isEmpty(): boolean {
    for (const window of this.windows.values()) if (!window.isEmpty) return false;
    return this.#unresolved.size === 0;
  }

  /** Resolves when {@link isFull} may be false. */
  whenRoom(): Promise<void> {
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** What waits to be sent has changed without a message or an event. */
  protected sendingChanged(): void {}

  windowTo(target: EndpointId): SendWindow | undefined {
    return this.windows.get(target);
  }

  /** Appends a message to a receiver. @returns the message's number */
  send(
    to: { readonly target: EndpointId; readonly targetName: string },
    payload: Uint8Array,
    options: { readonly chain?: readonly EndpointId[]; readonly waiter?: ReplyWaiter } = {},
  ): number {
    let window = this.windows.get(to.target);
    if (window === undefined) {
      const lost = this.lostNumbers;
      const first = this.firstNumber;
      window = new SendWindow(this.context, this, to, {
        held: this.holdsBack,
        resync: lost,
        first,
      });
      this.windows.set(to.target, window);
    }
    return window.push(payload, options);
  }

  /** [M35] Appends to a stream by name; an unknown one is waited for. */
  append({ to, payload }: Append): void {
    const location = this.context.locations.byName(to);
    const waiting = this.#unresolved.get(to);
    if (waiting !== undefined) waiting.payloads.push(payload);
    else if (location !== undefined)
      this.send({ target: location.id, targetName: location.name }, payload);
    else {
      const cancel = this.context.clock.after("unknown stream", LIMITS.unknownStreamMs, () =>
        this.context.turn(() => this.#giveUp(to)),
      );
      this.#unresolved.set(to, { payloads: [payload], cancel });
    }
  }

  /** A stream of that name is known now. */
  resolved(name: string): void {
    const waiting = this.#unresolved.get(name);
    if (waiting === undefined) return;
    this.#unresolved.delete(name);
    waiting.cancel();
    for (const payload of waiting.payloads) this.append({ to: name, payload });
    this.sendingChanged();
  }

  /** A receiver answers which number to continue with. */
  resynced(target: EndpointId, received: number): void {
    if (this.windows.get(target)?.resynced(received) === true) this.sendingChanged();
  }

  /** Tells a sender how its message ended. */
  protected reply(to: EndpointId, toName: string, sequence: number, reply: Reply): void {
    // Of a shell or a site that has ended, and was given up here meanwhile, nobody waits any more.
    if (!isStream(to) && this.context.locations.get(to) === undefined) {
      this.context.count("endpoint-gone");
      return;
    }
    const parts =
      reply.type === "done"
        ? [sequence, reply.value ?? null]
        : [sequence, null, reply.fault.code, reply.fault.message, reply.fault.agent];
    this.send({ target: -to, targetName: toName }, packValue(parts));
  }

  /** Segments for the reply box arrive. */
  replyArrived(from: SiteInstance, frame: Extract<Frame, { type: "append" }>): void {
    this.#replyPair(from, frame).accept(from, frame, (arrival) => this.#received(arrival), false);
  }

  /** What the reply box has of a source. */
  resyncReplies(from: SiteInstance, frame: Extract<Frame, { type: "resync" }>): number | undefined {
    return this.#replyPair(from, { ...frame, sourceName: "" }).resync(from, frame.sourceEpoch);
  }

  acknowledged(frame: Extract<Frame, { type: "ack" }>): void {
    this.windows.get(frame.target)?.acknowledged(frame);
  }

  /** The receiver has another location. */
  rerouted(target: EndpointId): void {
    this.windows.get(target)?.rerouted();
  }

  /** Makes all windows check again what they may send. */
  touch(): void {
    for (const window of this.windows.values()) this.context.atTurnEnd(window);
    for (const pair of this.#replyPairs.values()) this.context.atTurnEnd(pair);
  }

  /** The receiver refuses messages, or no longer exists: what waits for it is given up. */
  refused(target: EndpointId, error: MeanderError): void {
    const window = this.windows.get(target);
    if (window === undefined) return;
    const { base, next } = window;
    const lost = window.discard(error);
    if (lost > 0) {
      this.context.count(error.code, lost);
      if (isMailbox(target))
        this.context.emit({
          type: "discarded",
          stream: window.targetName,
          message:
            next - base === 1
              ? formatMessageName({ from: this.name, to: window.targetName, seq: base })
              : `${this.name}>${window.targetName}#${base}..${next - 1}`,
          reason: error.what,
        });
    }
    this.windowMoved(window);
  }

  /** Gives up all that waits, for known streams and for unknown ones. */
  giveUp(error: MeanderError): void {
    for (const target of this.windows.keys()) this.refused(target, error);
    for (const name of [...this.#unresolved.keys()]) this.#giveUp(name);
  }

  /** Forgets a receiver that no longer exists. */
  gone(target: EndpointId, error: MeanderError): void {
    this.refused(target, error);
    this.windows.get(target)?.close(error);
    this.windows.delete(target);
    this.#replyPairs.delete(target);
  }

  windowMoved(window: { readonly isFull: boolean }): void {
    if (window.isFull || this.#roomWaiters.length === 0 || this.isFull) return;
    for (const wake of this.#roomWaiters.splice(0)) wake();
  }

  /** Stops for good; callers that wait are rejected. */
  close(error: MeanderError): void {
    for (const window of this.windows.values()) window.close(error);
    this.windows.clear();
    for (const { cancel } of this.#unresolved.values()) cancel();
    this.#unresolved.clear();
    for (const wake of this.#roomWaiters.splice(0)) wake();
  }

  protected windowStates(): WindowState[] {
    return [...this.windows.values()].filter((each) => each.next > 1).map((each) => each.state());
  }

  protected replyPairStates(): PairState[] {
    return [...this.#replyPairs.values()].map((pair) => pair.state());
  }

  protected unresolvedStates(): Append[] {
    return [...this.#unresolved].flatMap(([to, { payloads }]) =>
      payloads.map((payload) => ({ to, payload })),
    );
  }

  /** Adopts what the endpoint had at another site. */
  protected adoptSender(
    windows: readonly WindowState[],
    replyPairs: readonly PairState[],
    unresolved: readonly Append[],
  ): void {
    for (const state of windows) {
      const window = new SendWindow(this.context, this, state, {
        held: this.holdsBack,
        resync: state.resync,
      });
      window.adopt(state);
      this.windows.set(state.target, window);
    }
    for (const state of replyPairs)
      this.#replyPairs.set(state.source, new ReceivePair(this.context, this.#replyBox, state));
    for (const append of unresolved) this.append(append);
  }

  #replyPair(
    from: SiteInstance,
    frame: {
      readonly source: EndpointId;
      readonly sourceName: string;
      readonly sourceEpoch: number;
    },
  ): ReceivePair {
    let pair = this.#replyPairs.get(frame.source);
    if (pair === undefined) {
      const { source, sourceName, sourceEpoch } = frame;
      const state = { source, sourceName, sourceEpoch, consumed: 0, siteInstance: from };
      pair = new ReceivePair(this.context, this.#replyBox, state);
      this.#replyPairs.set(source, pair);
    }
    return pair;
  }

  #received({ pair, seq, payload }: Arrival): void {
    pair.consumedUpTo(seq);
    pair.acknowledgeUpTo(seq);
    const outcome = readReply(payload);
    if (outcome === undefined) {
      this.context.count("reply-malformed");
      return;
    }
    const late = !this.windows.get(pair.source)?.replied(outcome.sequence, outcome.result);
    if (late) this.context.count("reply-late");
  }

  #giveUp(name: string): void {
    const waiting = this.#unresolved.get(name);
    if (waiting === undefined) return;
    this.#unresolved.delete(name);
    waiting.cancel();
    this.context.count("stream-unknown", waiting.payloads.length);
    this.context.emit({
      type: "discarded",
      stream: name,
      message: `${this.name}>${name}`,
      reason: `no stream has that name (${waiting.payloads.length} messages)`,
    });
    this.touch();
    for (const wake of this.#roomWaiters.splice(0)) wake();
  }
}

/** A shell as a sender: it stays at the site that it is attached to. */
export class ShellEndpoint extends Endpoint {
  readonly streamEpoch = 0;
  readonly maySend = true;
  readonly principal: string | undefined;

  /** @param principal as text, of a shell that has shown a token */
  constructor(context: KernelContext, id: EndpointId, name: string, principal?: string) {
    super(context, id, name);
    this.principal = principal;
  }
}

/** A reply; its fault as the error that the waiting caller gets. */
function readReply(
  payload: Uint8Array,
): { sequence: number; result: Uint8Array | MeanderError | undefined } | undefined {
  let parts: unknown;
  try {
    parts = unpackValue(payload);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [sequence, value, code, message, agent] = parts as unknown[];
  if (typeof sequence !== "number") return undefined;
  if (typeof code === "string") {
    const where = typeof agent === "string" && agent !== "" ? { where: `agent ${agent}` } : {};
    return { sequence, result: new MeanderError(code, String(message), where) };
  }
  return { sequence, result: value instanceof Uint8Array ? value : undefined };
}

/** Whether an address is a stream's own mailbox. */
export function isMailbox(address: EndpointId): boolean {
  return address > 0 && isStream(address);
}
