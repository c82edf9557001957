import { LIMITS } from "../../base/index.ts";
import {
  channelOf,
  flagsOf,
  kindOf,
  lengthOf,
  mediumOf,
  sequenceOf,
  sourceOf,
  splitPackets,
} from "../../wire/index.ts";
import type { Module, ModulePorts, ModuleSpec } from "../module.ts";
import type { Trace, TraceEvent, TraceRecord } from "./trace-registry.ts";

/** Remembers the last packets of a connection. docs/spec/stack.md [S50], [S51] */
export const traceModule: ModuleSpec = {
  name: "trace",
  about: "remembers the last packets, for meander trace",
  parameters: {
    keep: {
      kind: "count",
      min: 16,
      max: LIMITS.traceEventsMax,
      default: 1_024,
      about: "packets remembered",
    },
  },
  local: true,
  provides: [],
  requires: [],
  coalesces: true,
  create({ keep }, { maxBytes }, ports) {
    return new TraceRing(Number(keep), maxBytes, ports);
  },
};

/** u32 fields of an event: direction, kind, flags and medium in one; channel; source; sequence; length. */
const WORDS = 5;

/** Passes everything on, and writes the header's fields into a ring that was made once. */
class TraceRing implements Module, Trace {
  readonly maxBytes: number;
  readonly #keep: number;
  readonly #ports: ModulePorts;
  readonly #times: Float64Array;
  readonly #words: Uint32Array;
  #count = 0;

  constructor(keep: number, maxBytes: number, ports: ModulePorts) {
    this.maxBytes = maxBytes;
    this.#keep = keep;
    this.#ports = ports;
    this.#times = new Float64Array(keep);
    this.#words = new Uint32Array(keep * WORDS);
    ports.traces?.add(this);
  }

  down(packets: Uint8Array, nowMs: number): boolean {
    const isTaken = this.#ports.down(packets);
    if (isTaken) for (const packet of splitPackets(packets)) this.#note(packet, nowMs, 1);
    return isTaken;
  }

  up(packet: Uint8Array, nowMs: number): void {
    this.#note(packet, nowMs, 0);
    this.#ports.up(packet);
  }

  stats(): Readonly<Record<string, number>> {
    return { packets: this.#count };
  }

  ended(): void {
    this.#ports.traces?.delete(this);
  }

  read(last: number): TraceRecord {
    const { stack, peer } = this.#ports;
    const count = this.#count;
    const shown = Math.min(last, count, this.#keep);
    const events = Array.from({ length: shown }, (_, index) => this.#at(count - shown + index));
    return { stack, peer, count, events };
  }

  #note(packet: Uint8Array, nowMs: number, isSent: 0 | 1): void {
    const slot = this.#count++ % this.#keep;
    this.#times[slot] = nowMs;
    const at = slot * WORDS;
    this.#words[at] =
      (isSent << 24) | (kindOf(packet) << 16) | (flagsOf(packet) << 8) | mediumOf(packet);
    this.#words[at + 1] = channelOf(packet);
    this.#words[at + 2] = sourceOf(packet);
    this.#words[at + 3] = sequenceOf(packet);
    this.#words[at + 4] = lengthOf(packet);
  }

  #at(number: number): TraceEvent {
    const slot = number % this.#keep;
    const word = (index: number): number => this.#words[slot * WORDS + index] as number;
    const first = word(0);
    return {
      at: this.#times[slot] as number,
      direction: first >>> 24 === 1 ? "sent" : "received",
      kind: (first >>> 16) & 255,
      flags: (first >>> 8) & 255,
      medium: first & 255,
      channel: word(1),
      source: word(2),
      sequence: word(3),
      length: word(4),
    };
  }
}
