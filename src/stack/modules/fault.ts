import { type Cancel, Counters, LIMITS, type Random, SeededRandom } from "../../base/index.ts";
import type { Below, Module, ModulePorts, ModuleSpec, ParameterValue } from "../module.ts";
import { Bottleneck, Bottlenecks } from "./bottleneck.ts";
import { LossModel } from "./loss-model.ts";

const RATIO = { kind: "ratio", min: 0, max: 1, default: 0 } as const;
const TIME = { kind: "ms", min: 0, max: 60_000, default: 0 } as const;

/** A network that is worse than the one below, the same way for the same seed. docs/spec/stack.md [S40]-[S46] */
export const faultModule: ModuleSpec = {
  name: "fault",
  about: "loses, repeats, delays, reorders and slows down packets",
  parameters: {
    loss: { ...RATIO, about: "share of packets lost" },
    burst: {
      kind: "count",
      min: 0,
      max: 1_000,
      default: 0,
      about: "mean length of a burst of losses; 0: each alone",
    },
    duplicate: { ...RATIO, about: "share of packets that come twice" },
    reorder: { ...RATIO, about: "share of packets held back behind later ones" },
    hold: { ...TIME, default: 10, about: "how long those are held back" },
    delay: { ...TIME, about: "added to each packet" },
    jitter: { ...TIME, about: "up to so much more, by chance, in order" },
    rate: {
      kind: "bytes",
      min: 0,
      max: 1024 ** 4,
      default: 0,
      about: "bytes a second; 0: no bound",
    },
    queue: { kind: "name", default: "", about: "flows that name the same queue share it" },
    limit: {
      kind: "bytes",
      min: 1,
      max: LIMITS.faultQueueBytesMax,
      default: 256 * 1024,
      about: "bytes that wait in the queue",
    },
    wait: { ...TIME, default: 60_000, about: "how long a packet may wait in the queue" },
    retry: {
      ...TIME,
      default: 200,
      about: "how much later what is lost comes where nothing is lost",
    },
    side: {
      kind: "word",
      words: ["send", "receive"],
      default: "send",
      about: "which of our packets",
    },
    seed: { kind: "count", min: 0, max: 0xffff_ffff, default: 1, about: "of chance" },
  },
  local: true,
  provides: [],
  requires: [],
  coalesces: true,
  create(parameters, below, ports) {
    return new Fault(parameters, below, ports);
  },
};

/** A packet that is on its way. */
interface Flying {
  /** When it arrives, and when it came, ms. */
  readonly at: number;
  readonly since: number;
  readonly packet: Uint8Array;
}

class Fault implements Module {
  readonly maxBytes: number;
  readonly #ports: ModulePorts;
  readonly #reliable: boolean;
  readonly #isSending: boolean;
  readonly #random: Random;
  readonly #loss: LossModel;
  readonly #p: {
    readonly duplicate: number;
    readonly reorder: number;
    readonly hold: number;
    readonly delay: number;
    readonly jitter: number;
    readonly rate: number;
    readonly limit: number;
    readonly wait: number;
    readonly retry: number;
  };
  readonly #queueName: string;
  readonly #bottlenecks: Bottlenecks;
  readonly #bottleneck: Bottleneck;
  readonly #counts = new Counters();
  /** By time, first the next. */
  #flying: Flying[] = [];
  #flyingBytes = 0;
  /** When the last one leaves that keeps its place. */
  #lastAt = Number.NEGATIVE_INFINITY;
  #cancel: Cancel | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #drained: (() => void) | undefined;
  #hasEnded = false;

  constructor(
    parameters: Readonly<Record<string, ParameterValue>>,
    below: Below,
    ports: ModulePorts,
  ) {
    const number = (name: string): number => Number(parameters[name]);
    this.maxBytes = below.maxBytes;
    this.#ports = ports;
    this.#reliable = below.reliable;
    this.#isSending = parameters["side"] === "send";
    this.#random = new SeededRandom(number("seed"));
    this.#loss = new LossModel(this.#random, number("loss"), number("burst"));
    this.#p = {
      duplicate: number("duplicate"),
      reorder: number("reorder"),
      hold: number("hold"),
      delay: number("delay"),
      jitter: number("jitter"),
      rate: number("rate"),
      limit: number("limit"),
      wait: number("wait"),
      retry: number("retry"),
    };
    this.#queueName = String(parameters["queue"]);
    this.#bottlenecks = ports.bottlenecks ?? new Bottlenecks();
    this.#bottleneck =
      this.#queueName === "" ? new Bottleneck() : this.#bottlenecks.use(this.#queueName);
  }

  down(packets: Uint8Array, nowMs: number): boolean {
    if (!this.#isSending) return this.#ports.down(packets);
    return this.#disturb(packets, nowMs);
  }

  up(packet: Uint8Array, nowMs: number): void {
    if (this.#isSending) this.#ports.up(packet);
    else this.#disturb(packet, nowMs);
  }

  stats(): Readonly<Record<string, number>> {
    return this.#counts.toJSON();
  }

  held(nowMs: number): { readonly bytes: number; readonly oldestMs: number } {
    const first = this.#flying[0];
    if (first === undefined || !this.#isSending) return { bytes: 0, oldestMs: 0 };
    return { bytes: this.#flyingBytes, oldestMs: Math.max(0, nowMs - first.since) };
  }

  drain(done: () => void): void {
    if (this.#isSending && this.#flying.length > 0) this.#drained = done;
    else done();
  }

  ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cancel?.();
    const flying = this.#flying;
    this.#flying = [];
    this.#flyingBytes = 0;
    if (!this.#isSending && this.#reliable) for (const { packet } of flying) this.#pass(packet);
    if (this.#queueName !== "") this.#bottlenecks.release(this.#queueName);
  }

  /** Lets a packet through: now, later, twice or not at all. False: there is no room for it. */
  #disturb(packet: Uint8Array, nowMs: number): boolean {
    if (this.#hasEnded) return false;
    const { duplicate, reorder, hold, delay, jitter, retry } = this.#p;
    // As many numbers for each packet whatever becomes of it, so that one fault does not shift the others.
    const isLost = this.#loss.next();
    const isTwice = this.#random.float() < duplicate;
    const isHeldBack = this.#random.float() < reorder;
    const more = this.#random.float() * jitter;
    if (this.#flyingBytes + packet.byteLength > LIMITS.faultQueueBytesMax) {
      this.#counts.add("queue-full");
      return false;
    }
    if (isLost) {
      this.#counts.add("lost");
      if (!this.#reliable) return true;
    }
    const left = this.#leavesAt(packet.byteLength, nowMs);
    if (left === undefined) {
      this.#counts.add("queue-full");
      // Where nothing may be lost, the sender is informed; a network just drops.
      return !this.#reliable;
    }
    const at = Math.max(left + delay + more + (isLost ? retry : 0), this.#lastAt);
    if (this.#reliable) {
      this.#lastAt = at;
      this.#send(packet, at, nowMs);
      return true;
    }
    if (isHeldBack) {
      this.#counts.add("reordered");
      this.#send(packet, at + hold, nowMs);
    } else {
      this.#lastAt = at;
      this.#send(packet, at, nowMs);
    }
    if (isTwice) {
      this.#counts.add("duplicated");
      this.#send(packet, at, nowMs);
    }
    return true;
  }

  #leavesAt(bytes: number, nowMs: number): number | undefined {
    const { rate, limit, wait } = this.#p;
    if (rate === 0) return nowMs;
    return this.#bottleneck.enter(bytes, nowMs, {
      bytesPerSecond: rate,
      bytesMax: limit,
      msMax: wait,
    });
  }

  #send(packet: Uint8Array, at: number, nowMs: number): void {
    if (at <= nowMs && this.#flying.length === 0) {
      this.#pass(packet);
      return;
    }
    let index = this.#flying.length;
    while (index > 0 && (this.#flying[index - 1] as Flying).at > at) index--;
    this.#flying.splice(index, 0, { at, since: nowMs, packet });
    this.#flyingBytes += packet.byteLength;
    this.#wakeAt((this.#flying[0] as Flying).at, nowMs);
  }

  #wakeAt(at: number, nowMs: number): void {
    if (at >= this.#timerAt) return;
    this.#cancel?.();
    this.#timerAt = at;
    this.#cancel = this.#ports.clock.after("fault", Math.max(0, at - nowMs), () => this.#arrive());
  }

  #arrive(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#hasEnded) return;
    const now = this.#ports.clock.now();
    let count = 0;
    // Timers come to the millisecond.
    while (count < this.#flying.length && (this.#flying[count] as Flying).at <= now + 0.5) count++;
    const due = this.#flying.slice(0, count);
    this.#flying = this.#flying.slice(count);
    for (const { packet } of due) {
      this.#flyingBytes -= packet.byteLength;
      this.#pass(packet);
    }
    const next = this.#flying[0];
    if (next !== undefined) this.#wakeAt(next.at, now);
    else {
      this.#drained?.();
      this.#drained = undefined;
    }
  }

  #pass(packet: Uint8Array): void {
    if (!this.#isSending) this.#ports.up(packet);
    else if (!this.#ports.down(packet)) this.#counts.add("refused-late");
  }
}
