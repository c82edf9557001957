import type { Random, VirtualClock } from "../base/index.ts";

interface Link {
  latencyMs: number;
  bytesPerMs: number;
  /** When what was sent so far has left, and when what was received so far is in. */
  outFreeAt: number;
  inFreeAt: number;
}

/** A packet on its way. */
interface Held {
  readonly deliver: () => void;
}

/** What a network tells of each packet. */
export type PacketFate = "sent" | "lost" | "held" | "cut";

/**
 * Machines and what is between them: latency, bandwidth, loss, repetition, reordering, cuts. Everything by chance is drawn from one generator,
 * so that one seed is one run.
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
  readonly #holds = new Map<string, Held[]>();
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
    if (!this.#holds.has(key)) this.#holds.set(key, []);
  }

  release(a: string, b: string): void {
    const held = this.#holds.get(keyOf(a, b)) ?? [];
    this.#holds.delete(keyOf(a, b));
    for (const { deliver } of held) deliver();
  }

  isCut(a: string, b: string): boolean {
    return a !== b && this.#cuts.has(keyOf(a, b));
  }

  /** Told of each partition. Undone by the returned function. */
  onCut(listener: (a: string, b: string) => void): () => void {
    this.#cutListeners.add(listener);
    return () => void this.#cutListeners.delete(listener);
  }

  /** Carries a datagram; `deliver` runs when it arrives, perhaps twice, perhaps never. @param lossRatio at its arrival */
  datagram(from: string, to: string, bytes: number, lossRatio: number, deliver: () => void): PacketFate {
    if (this.isCut(from, to)) return "cut";
    const copies = from !== to && this.#random.float() < this.duplicateRatio ? 2 : 1;
    let fate: PacketFate = "lost";
    for (let copy = 0; copy < copies; copy++) {
      if (from !== to && this.#random.float() < lossRatio) continue;
      fate = "sent";
      const late = from !== to && this.#random.float() < this.reorderRatio;
      const extraMs = late ? this.#random.float() * (4 * this.#link(from).latencyMs + 5) : 0;
      this.#after(from, to, bytes, extraMs, deliver);
    }
    return fate;
  }

  /** Carries a piece of a connection, reliably and, for one `flow`, in order. */
  piece(from: string, to: string, bytes: number, flow: { at: number }, deliver: () => void): void {
    const at = Math.max(this.#arrival(from, to, bytes), flow.at);
    flow.at = at;
    this.#clock.after("piece", at - this.#clock.now(), () => this.#pass(from, to, deliver));
  }

  #after(from: string, to: string, bytes: number, extraMs: number, deliver: () => void): void {
    const delayMs = this.#arrival(from, to, bytes) - this.#clock.now() + extraMs;
    this.#clock.after("frame", delayMs, () => this.#pass(from, to, deliver));
  }

  /** When it is in: through both machines' links. */
  #arrival(from: string, to: string, bytes: number): number {
    const now = this.#clock.now();
    if (from === to) return now;
    const out = this.#link(from);
    const into = this.#link(to);
    out.outFreeAt = Math.max(out.outFreeAt, now) + bytes / out.bytesPerMs;
    const there = out.outFreeAt + out.latencyMs;
    into.inFreeAt = Math.max(into.inFreeAt, there) + bytes / into.bytesPerMs;
    return into.bytesPerMs === Number.POSITIVE_INFINITY ? there : into.inFreeAt;
  }

  #pass(from: string, to: string, deliver: () => void): void {
    if (this.isCut(from, to)) return;
    const held = this.#holds.get(keyOf(from, to));
    if (held === undefined || from === to) deliver();
    else held.push({ deliver });
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

function keyOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
