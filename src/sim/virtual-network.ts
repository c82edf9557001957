import type { Random, VirtualClock } from "../base/index.ts";

interface Link {
  latencyMs: number;
  bytesPerMs: number;
  /** When what was sent so far has left, and when what was received so far is in. */
  outFreeAt: number;
  inFreeAt: number;
}

/** One direction of a connection: its pieces arrive in their order. */
export interface Flow {
  /** When the last piece so far arrives, ms. */
  at: number;
  /** On their way, first one first. */
  readonly waiting: (() => void)[];
}

/** What waits between two machines, in order. */
interface Held {
  readonly waiting: (() => void)[];
  /** It is delivered now, one after the other; what comes meanwhile waits behind it. */
  isReleased: boolean;
}

/**
 * What becomes of a packet, as far as it is known when it leaves: `late` ones are overtaken, `doubled` ones arrive
 * twice.
 */
export type PacketFate = "sent" | "late" | "doubled" | "lost" | "cut";

/**
 * Machines and what is between them: latency, bandwidth, loss, repetition, reordering, cuts. Everything by chance is
 * drawn from one generator, so that one seed is one run.
 */
export class VirtualNetwork {
  /** 0..1 */
  duplicateRatio = 0;
  /** 0..1 */
  reorderRatio = 0;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #links = new Map<string, Link>();
  readonly #cuts = new Set<string>();
  readonly #holds = new Map<string, Held>();
  readonly #cutListeners = new Set<(a: string, b: string) => void>();

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Latency of what leaves the machine, ms. */
  setLatency(machine: string, ms: number): void {
    this.#link(machine).latencyMs = ms;
  }

  /** Each way. */
  setBandwidth(machine: string, bytesPerSecond: number): void {
    this.#link(machine).bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Nothing passes between two machines. Connections break. */
  partition(a: string, b: string): void {
    this.#cuts.add(keyOf(a, b));
    for (const tell of [...this.#cutListeners]) tell(a, b);
  }

  repair(a: string, b: string): void {
    this.#cuts.delete(keyOf(a, b));
  }

  /** What is between two machines waits. */
  hold(a: string, b: string): void {
    const key = keyOf(a, b);
    const held = this.#holds.get(key);
    if (held === undefined) this.#holds.set(key, { waiting: [], isReleased: false });
    else held.isReleased = false;
  }

  /** What waited is delivered at once, in order, each as an event of its own. */
  release(a: string, b: string): void {
    const key = keyOf(a, b);
    const held = this.#holds.get(key);
    if (held === undefined || held.isReleased) return;
    held.isReleased = true;
    this.#deliverHeld(key, held);
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.size > 0 && a !== b && this.#cuts.has(keyOf(a, b));
  }

  /** Told of each partition. Undone by the returned function. */
  onCut(listener: (a: string, b: string) => void): () => void {
    this.#cutListeners.add(listener);
    return () => void this.#cutListeners.delete(listener);
  }

  /**
   * Carries a datagram; `deliver` runs when it arrives, perhaps twice, perhaps never. What is lost is lost on its
   * arrival, and has taken its share of the links.
   *
   * @param lossRatio of the receiver
   */
  datagram(
    from: string,
    to: string,
    bytes: number,
    lossRatio: number,
    deliver: () => void,
  ): PacketFate {
    if (this.isCut(from, to)) return "cut";
    const isOut = from !== to;
    const copies = isOut && this.#happens(this.duplicateRatio) ? 2 : 1;
    let fate: PacketFate = "lost";
    for (let copy = 0; copy < copies; copy++) {
      const isLost = this.#happens(lossRatio);
      const isLate = isOut && this.#happens(this.reorderRatio);
      if (!isLost) fate = fate !== "lost" ? "doubled" : isLate ? "late" : "sent";
      const extraMs = isLate ? this.#random.float() * (4 * this.#link(from).latencyMs + 5) : 0;
      const delayMs = this.#wayMs(from, to, bytes) + extraMs;
      // What is lost only takes its share of the link.
      if (isLost && !this.#isBounded(to)) continue;
      const arrived = isLost ? NOTHING : deliver;
      this.#clock.after("frame", delayMs, () => this.#arrive(from, to, bytes, arrived));
    }
    return fate;
  }

  /** Carries a piece of a connection, reliably and in order. */
  piece(from: string, to: string, bytes: number, flow: Flow, deliver: () => void): void {
    const clock = this.#clock;
    flow.at = Math.max(clock.now() + this.#wayMs(from, to, bytes), flow.at);
    flow.waiting.push(deliver);
    clock.after("piece", flow.at - clock.now(), () => {
      // Of those that arrive at one instant the clock may take any one first.
      const first = flow.waiting.shift();
      if (first !== undefined) this.#arrive(from, to, bytes, first);
    });
  }

  #happens(ratio: number): boolean {
    return ratio > 0 && this.#random.float() < ratio;
  }

  /** How long it takes to the receiver's link: through the sender's, and the latency. */
  #wayMs(from: string, to: string, bytes: number): number {
    if (from === to) return 0;
    const link = this.#link(from);
    const now = this.#clock.now();
    link.outFreeAt = Math.max(link.outFreeAt, now) + bytes / link.bytesPerMs;
    return link.outFreeAt + link.latencyMs - now;
  }

  /** Through the receiver's link. */
  #arrive(from: string, to: string, bytes: number, deliver: () => void): void {
    const link = this.#link(to);
    if (from === to || !this.#isBounded(to)) {
      this.#pass(from, to, deliver);
      return;
    }
    const now = this.#clock.now();
    link.inFreeAt = Math.max(link.inFreeAt, now) + bytes / link.bytesPerMs;
    this.#clock.after("link", link.inFreeAt - now, () => this.#pass(from, to, deliver));
  }

  #isBounded(machine: string): boolean {
    return this.#link(machine).bytesPerMs !== Number.POSITIVE_INFINITY;
  }

  #pass(from: string, to: string, deliver: () => void): void {
    if (this.isCut(from, to)) return;
    const held =
      this.#holds.size === 0 || from === to ? undefined : this.#holds.get(keyOf(from, to));
    if (held === undefined) deliver();
    else held.waiting.push(() => this.isCut(from, to) || deliver());
  }

  #deliverHeld(key: string, held: Held): void {
    if (held.waiting.length === 0) {
      this.#holds.delete(key);
      return;
    }
    this.#clock.after("release", 0, () => {
      if (!held.isReleased) return;
      held.waiting.shift()?.();
      this.#deliverHeld(key, held);
    });
  }

  #link(machine: string): Link {
    let link = this.#links.get(machine);
    if (link === undefined) {
      link = { latencyMs: 0.5, bytesPerMs: Number.POSITIVE_INFINITY, outFreeAt: 0, inFreeAt: 0 };
      this.#links.set(machine, link);
    }
    return link;
  }
}

const NOTHING = (): void => {};

function keyOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
