import { type Counters, LIMITS } from "../../base/index.ts";
import type { DatagramTotals } from "../datagram-totals.ts";
import type { OnMissed } from "../datagrams.ts";
import type { PlainSender } from "../plain-sender.ts";
import type { RemoteEntry } from "../remote-entry.ts";
import { ERRNO, errorName, LAYOUT, SOCKET } from "./constants.ts";
import type { ErrorQueue } from "./error-queue.ts";
import type { NativeCalls } from "./native-calls.ts";

/** Datagrams of this size pass almost every network whole: IPv6's least MTU, less headers. */
const SMALL_BYTES = 1_232;
/** Times that one message is tried again because of errors that may be another's. */
const ATTEMPTS_MAX = 4;

/** Consecutive messages in memory, and what to do about those that the kernel refuses. */
export interface Messages {
  /** Whether several datagrams are in each of them, so that the kernel has to cut them. */
  isSegmented(index: number): boolean;
  /** Datagrams in `count` messages from `index` on. */
  datagrams(index: number, count: number): number;
  /** Of these, those in segmented sends. */
  segments(index: number, count: number): number;
  /** Bytes of the first datagram in a message. */
  segmentBytes(index: number): number;
  remote(index: number): RemoteEntry;
  onMissed(index: number): OnMissed | undefined;
  /** Sends the datagrams of one message as a message each. */
  sendApart(index: number): void;
  /** The datagrams of one message. */
  packets(index: number): readonly Uint8Array[];
}

/**
 * What is to be done about a message that the kernel refused: try it again, leave it, send its datagrams apart; or hand
 * it and all others to Node, because the kernel has no room now, or allows no batches.
 */
type Verdict = "again" | "leave" | "apart" | "behind" | "forbidden";

/** One socket's way into the kernel: calls, and what follows from their errors. docs/spec/datagrams.md [G20]-[G26] */
export class KernelSender {
  readonly calls: NativeCalls;
  readonly plain: PlainSender;
  /** Whether the kernel may be asked to segment. */
  canSegment: boolean;
  readonly #descriptor: number;
  readonly #errors: ErrorQueue;
  readonly #counts: Counters;
  readonly #totals: DatagramTotals;
  readonly #missed: { readonly onMissed: OnMissed; readonly reason: string }[] = [];
  #goesPlain: "no" | "while-behind" | "for-ever" = "no";
  /** Whether the kernel refuses what exceeds the path MTU, instead of fragmenting it. */
  #isWhole: boolean;
  #attempts = 0;

  constructor(options: {
    readonly calls: NativeCalls;
    readonly descriptor: number;
    readonly family: 4 | 6;
    readonly plain: PlainSender;
    readonly errors: ErrorQueue;
    readonly counts: Counters;
    readonly totals: DatagramTotals;
  }) {
    this.calls = options.calls;
    this.plain = options.plain;
    this.#descriptor = options.descriptor;
    this.#errors = options.errors;
    this.#counts = options.counts;
    this.#totals = options.totals;
    // Kernels before 4.18 do not know the option.
    this.canSegment = this.calls.getOption(this.#descriptor, SOCKET.solUdp, SOCKET.udpSegment) >= 0;
    this.#isWhole = options.family === 4 && this.#setDiscovery(SOCKET.pmtuDo);
  }

  /** Whether the kernel allows no batches at all. */
  get isForbidden(): boolean {
    return this.#goesPlain === "for-ever";
  }

  /** Whether datagrams go by Node now, so that those that wait there stay in front. */
  get goesPlain(): boolean {
    if (this.#goesPlain === "while-behind" && !this.plain.isBehind) this.#goesPlain = "no";
    return this.#goesPlain !== "no";
  }

  /** Sends the messages from `from` up to `to`, of those whose headers stand at `headers`. */
  send(messages: Messages, headers: number, from: number, to: number): void {
    let at = from;
    while (at < to && this.#goesPlain === "no") {
      const count = Math.min(to - at, LIMITS.datagramBatchMax);
      const result = this.calls.sendmmsg(this.#descriptor, headers + at * LAYOUT.message, count);
      if (result > 0) {
        this.#count(messages, at, result);
        at += result;
        // The error of the next one is forgotten by then. If it stood for a report, only the report is left.
        if (result < count) this.takeErrors();
      } else if (this.#settle(result === 0 ? ERRNO.EAGAIN : -result, messages, at)) {
        at++;
      }
    }
    for (; at < to; at++) this.#sendPlain(messages, at);
  }

  /** Records a datagram that was not sent. It is reported later, because the callback may send, or change groups. */
  miss(onMissed: OnMissed | undefined, reason: string): void {
    if (onMissed !== undefined) this.#missed.push({ onMissed, reason });
  }

  /** Reports them now. */
  tellMissed(): void {
    if (this.#missed.length === 0) return;
    for (const { onMissed, reason } of this.#missed.splice(0)) onMissed(reason);
  }

  /** From now on the kernel fragments what exceeds the path MTU, as Node expects. False: it did already. */
  letCut(): boolean {
    if (!this.#isWhole) return false;
    this.#isWhole = false;
    return this.#setDiscovery(SOCKET.pmtuWant);
  }

  /** Takes what the network has reported: how many reports. */
  takeErrors(): number {
    return this.#errors.take((onMissed, reason) => this.miss(onMissed, reason));
  }

  #count(messages: Messages, at: number, count: number): void {
    this.#attempts = 0;
    this.#totals.sendCalls++;
    this.#totals.sent += messages.datagrams(at, count);
    this.#totals.segments += messages.segments(at, count);
  }

  /** Deals with an error of the message at `at`. True: it is done with. */
  #settle(error: number, messages: Messages, at: number): boolean {
    const verdict = this.#judge(error, messages, at);
    if (verdict !== "again") this.#attempts = 0;
    switch (verdict) {
      case "again":
        return false;
      case "apart":
        messages.sendApart(at);
        return true;
      case "leave":
        this.#counts.add(`error-${errorName(error)}`, messages.datagrams(at, 1));
        for (const _ of messages.packets(at)) this.miss(messages.onMissed(at), "send-failed");
        return true;
      case "behind":
        this.#goesPlain = "while-behind";
        this.letCut();
        return false;
      case "forbidden":
        this.#goesPlain = "for-ever";
        this.letCut();
        return false;
    }
  }

  #judge(error: number, messages: Messages, at: number): Verdict {
    if (error === ERRNO.EAGAIN) return "behind";
    if (error === ERRNO.ENOSYS) return "forbidden";
    // What was reported may be the answer to an earlier datagram, to another remote: this one has not left then.
    const isOthers = this.takeErrors() > 0 || error === ERRNO.EINTR;
    if (error === ERRNO.EMSGSIZE && this.letCut()) return "again";
    if (isOthers && ++this.#attempts < ATTEMPTS_MAX) return "again";
    if (!messages.isSegmented(at)) return "leave";
    const isInvalid = error === ERRNO.EINVAL;
    const isTooLong = isInvalid && messages.segmentBytes(at) > SMALL_BYTES;
    if (error === ERRNO.EMSGSIZE || isTooLong) {
      messages.remote(at).canSegment = false;
      return "apart";
    }
    if (error !== ERRNO.EIO && !isInvalid) return "leave";
    this.canSegment = false;
    return "apart";
  }

  #setDiscovery(value: number): boolean {
    const { ipMtuDiscover, solIp } = SOCKET;
    return this.calls.setOption(this.#descriptor, solIp, ipMtuDiscover, value) === 0;
  }

  #sendPlain(messages: Messages, at: number): void {
    const onMissed = messages.onMissed(at);
    const tell =
      onMissed === undefined ? undefined : (reason: string) => this.miss(onMissed, reason);
    for (const packet of messages.packets(at)) {
      this.plain.sendOne(packet, messages.remote(at), tell);
    }
  }
}
