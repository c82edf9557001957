import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, type MeanderError, SeededRandom, VirtualClock } from "../base/index.ts";
import { encodePacket, faultOf, HEADER_BYTES, lengthOf, splitPackets } from "../wire/index.ts";
import { parametersWithDefaults } from "./compose.ts";
import type { Below, Module, ModuleSpec, ParameterValue, StackPorts } from "./module.ts";

/** Packets of every kind, of up to `bytesMax` bytes. */
export function packetArbitrary(bytesMax: number): fc.Arbitrary<Uint8Array> {
  const byte = fc.integer({ min: 0, max: 255 });
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const header = fc.record({
    kind: fc.integer({ min: 0, max: 15 }),
    flags: byte,
    channel: u32,
    source: u32,
    medium: byte,
    sourceGeneration: byte,
    sequence: u32,
  });
  const length = fc.oneof(
    fc.integer({ min: 0, max: 64 }),
    fc.integer({ min: 0, max: bytesMax - HEADER_BYTES }),
  );
  return fc.tuple(header, length, byte).map(([fields, payloadBytes, seed]) => {
    const payload = new Uint8Array(payloadBytes);
    for (let at = 0; at < payloadBytes; at++) payload[at] = seed + at * 7 + (at >> 8);
    return encodePacket(fields, payload);
  });
}

/** One end of two modules that are joined by a wire. */
export class ModuleEnd {
  readonly module: Module;
  /** Handed down and not yet taken to the other end. */
  lower: Uint8Array[] = [];
  /** Handed up, packet by packet. */
  readonly upper: Uint8Array[] = [];
  /** All that was ever handed down. */
  readonly handedDown: Uint8Array[] = [];
  /** What the module ended its connection with. */
  endedWith: MeanderError | undefined;
  /** False: the layer below takes nothing. */
  isOpen = true;

  constructor(
    spec: ModuleSpec,
    parameters: Readonly<Record<string, ParameterValue>>,
    below: Below,
    ports: StackPorts,
  ) {
    this.module = spec.create(parametersWithDefaults(spec, parameters), below, {
      ...ports,
      peer: "the other end",
      stack: spec.name,
      down: (packets) => {
        if (!this.isOpen) return false;
        this.lower.push(packets);
        this.handedDown.push(packets);
        return true;
      },
      up: (packets) => void this.upper.push(...splitPackets(packets)),
      end: (reason) => {
        this.endedWith ??= reason;
      },
    });
  }

  /** Lets the module have what came from the other end. */
  take(packets: readonly Uint8Array[], nowMs: number): void {
    for (const each of packets) {
      for (const packet of splitPackets(each)) this.module.up(packet, nowMs);
    }
  }

  /** Takes away what is to go to the other end. */
  collect(): Uint8Array[] {
    const lower = this.lower;
    this.lower = [];
    return lower;
  }
}

/** Carries everything between two ends, both ways, and lets time pass, until nothing moves any more. */
export function settle(left: ModuleEnd, right: ModuleEnd, clock: VirtualClock): void {
  for (let round = 0; round < 100; round++) {
    const [there, back] = [left.collect(), right.collect()];
    if (there.length === 0 && back.length === 0) {
      if (clock.pending.length === 0) return;
      clock.advance(1_000);
      continue;
    }
    right.take(there, clock.now());
    left.take(back, clock.now());
  }
}

/** What every module must do, whatever it is for. docs/spec/stack.md [M1]-[M6]. */
export function moduleConformance(
  spec: ModuleSpec,
  options: {
    readonly parameters?: Readonly<Record<string, ParameterValue>>;
    /** What the layer below takes. */
    readonly belowBytesMax: number;
    /** Whether the layer below loses nothing. Default false. */
    readonly reliable?: boolean;
    readonly ports?: Partial<StackPorts>;
  },
): void {
  const { parameters = {}, belowBytesMax, reliable = false } = options;
  const kind = reliable ? "reliable" : "lossy";
  const given = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  const title = `${spec.name}(${given.join(",")}) over ${kind} ${belowBytesMax} bytes`;
  const below: Below = {
    maxBytes: belowBytesMax,
    reliable,
    coalesces: reliable,
    overheadBytes: 0,
  };
  const world = (): { left: ModuleEnd; right: ModuleEnd; clock: VirtualClock } => {
    const clock = new VirtualClock();
    const make = (seed: number): ModuleEnd =>
      new ModuleEnd(spec, parameters, below, {
        clock,
        random: new SeededRandom(seed),
        ...options.ports,
      });
    return { left: make(1), right: make(2), clock };
  };
  const { maxBytes } = world().left.module;
  const largestBytes = Math.min(maxBytes, LIMITS.packetBytesMax);
  const packets = fc.array(packetArbitrary(largestBytes), { maxLength: 12 });
  const sendAll = (end: ModuleEnd, sent: readonly Uint8Array[]): void => {
    for (const each of sent) assert.equal(end.module.down(each, 0), true);
  };

  test(`${title}: [M1] what goes down comes up unchanged and in order, both ways`, () => {
    fc.assert(
      fc.property(packets, packets, (there, back) => {
        const { left, right, clock } = world();
        sendAll(left, there);
        sendAll(right, back);
        settle(left, right, clock);
        assert.deepEqual(right.upper, there);
        assert.deepEqual(left.upper, back);
      }),
    );
  });

  test(`${title}: [M1] the largest packet it takes goes through`, () => {
    const largest = encodePacket(
      { kind: 5, flags: 0, channel: 1, source: 2, medium: 2, sourceGeneration: 0, sequence: 3 },
      new Uint8Array(largestBytes - HEADER_BYTES).fill(7),
    );
    const { left, right, clock } = world();
    sendAll(left, [largest]);
    settle(left, right, clock);
    assert.deepEqual(right.upper, [largest]);
  });

  test(`${title}: [M2] what is handed down are sound packets that the layer below takes`, () => {
    fc.assert(
      fc.property(packets, (sent) => {
        const { left, right, clock } = world();
        sendAll(left, sent);
        settle(left, right, clock);
        for (const lower of [...left.handedDown, ...right.handedDown]) {
          const lengths = [...splitPackets(lower)].map((each) => each.byteLength);
          assert.equal(
            lengths.reduce((sum, length) => sum + length, 0),
            lower.byteLength,
          );
          assert(lengths.length === 1 || below.coalesces);
          assert(lower.byteLength <= belowBytesMax);
        }
      }),
    );
  });

  test(`${title}: [M3] packets with any contents from below neither throw nor come up unsound`, () => {
    const hostile = fc.array(packetArbitrary(Math.min(belowBytesMax, 2_000)), { maxLength: 40 });
    fc.assert(
      fc.property(hostile, packets, (lower, sent) => {
        const { left, right, clock } = world();
        right.take(lower, 0);
        sendAll(left, sent);
        settle(left, right, clock);
        right.take(lower, clock.now());
        for (const packet of right.upper) {
          assert.equal(faultOf(packet), undefined);
          assert.equal(lengthOf(packet), packet.byteLength);
        }
      }),
    );
  });

  test(`${title}: [M4] bytes that were given are not changed`, () => {
    fc.assert(
      fc.property(packets, (sent) => {
        const before = sent.map((each) => new Uint8Array(each));
        const { left, right, clock } = world();
        sendAll(left, sent);
        const lower = left.collect();
        const lowerBefore = lower.map((each) => new Uint8Array(each));
        right.take(lower, 0);
        settle(left, right, clock);
        assert.deepEqual(sent, before);
        assert.deepEqual(lower, lowerBefore);
      }),
    );
  });

  test(`${title}: [M5] loss, repetition and reordering below bring nothing up that was not sent`, () => {
    fc.assert(
      fc.property(packets, packets, fc.infiniteStream(fc.nat()), (first, sent, chances) => {
        const { left, right, clock } = world();
        sendAll(left, first);
        settle(left, right, clock);
        sendAll(left, sent);
        const disturbed = left.collect().flatMap((each) => {
          const copies = (chances.next().value as number) % 3;
          return Array.from({ length: copies }, () => ({
            each,
            key: chances.next().value as number,
          }));
        });
        disturbed.sort((a, b) => a.key - b.key);
        right.take(
          disturbed.map(({ each }) => each),
          clock.now(),
        );
        const known = new Set(
          [...first, ...sent].map((each) => Buffer.from(each).toString("latin1")),
        );
        for (const packet of right.upper) {
          assert(known.has(Buffer.from(packet).toString("latin1")));
        }
      }),
    );
  });

  test(`${title}: [M6] statistics are counts that never shrink`, () => {
    fc.assert(
      fc.property(packets, (sent) => {
        const { left, right, clock } = world();
        let before = left.module.stats();
        for (const each of sent) {
          left.module.down(each, clock.now());
          settle(left, right, clock);
          const now = { ...left.module.stats() };
          for (const [name, count] of Object.entries(now)) {
            assert(Number.isSafeInteger(count) && count >= (before[name] ?? 0));
          }
          before = now;
        }
      }),
    );
  });
}
