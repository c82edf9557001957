import type { Random, VirtualClock } from "../../base/index.ts";

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

/** One direction between two machines that is not free. */
interface Way {
  isCut: boolean;
  isHeld: boolean;
  /** Passes on when the way is free again, in order. */
  readonly waiting: { readonly isPiece: boolean; readonly deliver: () => void }[];
  /** What waited passes on now, one after the other; what comes meanwhile waits behind it. */
  isDraining: boolean;
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
  readonly #latencyMs: number;
  /** Those that are not free, by where they lead from, then to. */
  readonly #ways = new Map<string, Map<string, Way>>();
  readonly #breakListeners = new Set<(a: string, b: string) => void>();

  /** @param latencyMs of machines for which nothing else is set, >= 0 */
  constructor(clock: VirtualClock, random: Random, latencyMs = 0.5) {
    this.#clock = clock;
    this.#random = random;
    this.#latencyMs = latencyMs;
  }

  /** Latency of what leaves the machine, ms. */
  setLatency(machine: string, ms: number): void {
    this.#link(machine).latencyMs = ms;
  }

  /** Each way. */
  setBandwidth(machine: string, bytesPerSecond: number): void {
    this.#link(machine).bytesPerMs = bytesPerSecond / 1_000;
  }

  /** Nothing passes between two machines, and connections break. */
  partition(a: string, b: string): void {
    this.cut(a, b);
    this.cut(b, a);
    for (const tell of [...this.#breakListeners]) tell(a, b);
  }

  /** Everything passes between two machines again. */
  repair(a: string, b: string): void {
    this.heal(a, b);
    this.heal(b, a);
  }

  /**
   * Nothing passes from one machine to another any more, and nobody is told: packets are lost, and what connections
   * carry arrives late, as TCP sends it again.
   */
  cut(from: string, to: string): void {
    const way = this.#wayOf(from, to);
    way.isCut = true;
    const pieces = way.waiting.filter(({ isPiece }) => isPiece);
    way.waiting.splice(0, way.waiting.length, ...pieces);
  }

  /** Everything passes again from one machine to another. */
  heal(from: string, to: string): void {
    const way = this.#ways.get(from)?.get(to);
    if (way === undefined) return;
    way.isCut = false;
    this.#drain(from, to, way);
  }

  /** Everything passes again everywhere that was cut. */
  healAll(): void {
    for (const [from, ways] of [...this.#ways])
      for (const to of [...ways.keys()]) this.heal(from, to);
  }

  /** What is between two machines waits. */
  hold(a: string, b: string): void {
    this.#wayOf(a, b).isHeld = true;
    this.#wayOf(b, a).isHeld = true;
  }

  /** What waited is delivered at once, in order, each as an event of its own. */
  release(a: string, b: string): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const way = this.#ways.get(from)?.get(to);
      if (way === undefined) continue;
      way.isHeld = false;
      this.#drain(from, to, way);
    }
  }

  /** Whether nothing passes from one machine to another. */
  isCut(from: string, to: string): boolean {
    return this.#ways.size > 0 && this.#ways.get(from)?.get(to)?.isCut === true;
  }

  /** Whether what one machine sends to another can be answered. */
  isReachable(from: string, to: string): boolean {
    return !this.isCut(from, to) && !this.isCut(to, from);
  }

  /** Told of each pair of machines whose connections break. Undone by the returned function. */
  onBreak(listener: (a: string, b: string) => void): () => void {
    this.#breakListeners.add(listener);
    return () => void this.#breakListeners.delete(listener);
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
      this.#clock.after("frame", delayMs, () => this.#arrive(from, to, bytes, false, arrived));
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
      if (first !== undefined) this.#arrive(from, to, bytes, true, first);
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
  #arrive(from: string, to: string, bytes: number, isPiece: boolean, deliver: () => void): void {
    if (from === to || !this.#isBounded(to)) {
      this.#pass(from, to, isPiece, deliver);
      return;
    }
    const link = this.#link(to);
    const now = this.#clock.now();
    link.inFreeAt = Math.max(link.inFreeAt, now) + bytes / link.bytesPerMs;
    this.#clock.after("link", link.inFreeAt - now, () => this.#pass(from, to, isPiece, deliver));
  }

  #isBounded(machine: string): boolean {
    return this.#link(machine).bytesPerMs !== Number.POSITIVE_INFINITY;
  }

  #pass(from: string, to: string, isPiece: boolean, deliver: () => void): void {
    const way = this.#ways.size === 0 || from === to ? undefined : this.#ways.get(from)?.get(to);
    if (way === undefined) deliver();
    else if (isPiece || !way.isCut) way.waiting.push({ isPiece, deliver });
  }

  #drain(from: string, to: string, way: Way): void {
    if (way.isCut || way.isHeld || way.isDraining) return;
    if (way.waiting.length === 0) {
      const ways = this.#ways.get(from);
      ways?.delete(to);
      if (ways?.size === 0) this.#ways.delete(from);
      return;
    }
    way.isDraining = true;
    this.#clock.after("release", 0, () => {
      way.isDraining = false;
      if (!way.isCut && !way.isHeld) way.waiting.shift()?.deliver();
      this.#drain(from, to, way);
    });
  }

  #wayOf(from: string, to: string): Way {
    const ways = this.#ways.get(from) ?? new Map<string, Way>();
    this.#ways.set(from, ways);
    const way = ways.get(to) ?? { isCut: false, isHeld: false, waiting: [], isDraining: false };
    ways.set(to, way);
    return way;
  }

  #link(machine: string): Link {
    let link = this.#links.get(machine);
    if (link === undefined) {
      link = {
        latencyMs: this.#latencyMs,
        bytesPerMs: Number.POSITIVE_INFINITY,
        outFreeAt: 0,
        inFreeAt: 0,
      };
      this.#links.set(machine, link);
    }
    return link;
  }
}

const NOTHING = (): void => {};
