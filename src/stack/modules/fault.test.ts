import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, SeededRandom, VirtualClock } from "../../base/index.ts";
import { encodePacket, KIND, sequenceOf } from "../../wire/index.ts";
import { parametersWithDefaults } from "../compose.ts";
import { ModuleEnd, moduleConformance } from "../module.conformance.ts";
import type { ParameterValue } from "../module.ts";
import { Bottlenecks } from "./bottleneck.ts";
import { faultModule } from "./fault.ts";
import { LossModel } from "./loss-model.ts";

type Parameters = Readonly<Record<string, ParameterValue>>;

moduleConformance(faultModule, { belowBytesMax: LIMITS.datagramBytesMax });
moduleConformance(faultModule, {
  belowBytesMax: LIMITS.batchBytesMax,
  reliable: true,
  parameters: { loss: 0.3, delay: 5, jitter: 20, reorder: 0.5, duplicate: 0.5 },
});
moduleConformance(faultModule, {
  belowBytesMax: LIMITS.batchBytesMax,
  reliable: true,
  parameters: { side: "receive", delay: 5, jitter: 20, rate: 1024 ** 3, limit: 16 * 1024 ** 2 },
});

function packetOf(sequence: number, bytes = 100): Uint8Array {
  const ids = { channel: 7, source: 9, medium: 2, sourceGeneration: 4, sequence };
  return encodePacket({ kind: KIND.data, flags: 0, ...ids }, new Uint8Array(bytes - 20));
}

interface Arrival {
  readonly sequence: number;
  readonly at: number;
}

/** What a sending module lets through, and when. */
class Line {
  readonly end: ModuleEnd;
  readonly clock: VirtualClock;
  readonly arrivals: Arrival[] = [];

  constructor(
    parameters: Parameters,
    {
      clock = new VirtualClock(),
      bottlenecks = new Bottlenecks(),
      reliable = false,
    }: { clock?: VirtualClock; bottlenecks?: Bottlenecks; reliable?: boolean } = {},
  ) {
    this.clock = clock;
    const below = { maxBytes: 65_535, overheadBytes: 0, reliable, coalesces: reliable };
    this.end = new ModuleEnd(faultModule, parametersWithDefaults(faultModule, parameters), below, {
      clock,
      bottlenecks,
    });
  }

  /** One packet every `everyMs`, then what is still on its way. */
  run(count: number, everyMs: number, bytes = 100): Arrival[] {
    for (let at = 0; at < count; at++) {
      this.end.module.down(packetOf(at, bytes), this.clock.now());
      this.note();
      for (let passed = 0; passed < everyMs; passed++) {
        this.clock.advance(1);
        this.note();
      }
    }
    for (let passed = 0; passed < 5_000; passed++) {
      this.clock.advance(1);
      this.note();
    }
    return this.arrivals;
  }

  note(): void {
    for (const packet of this.end.collect()) {
      this.arrivals.push({ sequence: sequenceOf(packet), at: this.clock.now() });
    }
  }
}

const orderOf = (arrivals: readonly Arrival[]): number[] => arrivals.map((each) => each.sequence);

test("[S40] without parameters everything passes at once", () => {
  const line = new Line({});
  line.end.module.down(packetOf(1), 0);
  assert.equal(line.end.lower.length, 1);
  assert.deepEqual(line.end.module.stats(), {});
});

test("[S41] about the share asked for is lost, the same packets for the same seed", () => {
  const run = (seed: number): number[] => orderOf(new Line({ loss: 0.05, seed }).run(4_000, 0));
  const first = run(7);
  assert(first.length > 3_740 && first.length < 3_860, `${first.length} of 4000 arrived`);
  assert.deepEqual(run(7), first);
  assert.notDeepEqual(run(8), first);
});

test("[S41] bursts have about the length asked for, and the share stays", () => {
  for (const [ratio, burst] of [
    [0.05, 4],
    [0.2, 10],
    [0.1, 1],
  ] as const) {
    const model = new LossModel(new SeededRandom(5), ratio, burst);
    const [bursts, count] = [[] as number[], 200_000];
    let run = 0;
    for (let at = 0; at < count; at++) {
      if (model.next()) run++;
      else if (run > 0) {
        bursts.push(run);
        run = 0;
      }
    }
    const lost = bursts.reduce((sum, each) => sum + each, 0);
    assert(Math.abs(lost / count - ratio) < ratio * 0.1, `${lost / count} of ${ratio}`);
    const mean = lost / bursts.length;
    assert(Math.abs(mean - burst) < burst * 0.1, `${mean} of ${burst}`);
  }
  assert.equal(new LossModel(new SeededRandom(1), 1, 5).next(), true);
  assert.equal(new LossModel(new SeededRandom(1), 0, 5).next(), false);
});

test("[S42] copies and late packets come in about the shares asked for, late ones behind later ones", () => {
  const line = new Line({ duplicate: 0.1, reorder: 0.05, hold: 10, delay: 20 });
  const order = orderOf(line.run(2_000, 1));
  assert.equal(new Set(order).size, 2_000);
  const twice = order.length - 2_000;
  assert(twice > 140 && twice < 260, `${twice} came twice`);
  const stats = line.end.module.stats();
  assert.equal(stats["duplicated"], twice);
  const late = order.filter((each, at) => at > 0 && each < (order[at - 1] as number)).length;
  assert(late > 60, `${late} came behind later ones`);
  assert((stats["reordered"] as number) > 60 && (stats["reordered"] as number) < 140);
});

test("[S42] jitter spreads the delay and keeps the order", () => {
  const arrivals = new Line({ delay: 20, jitter: 10 }).run(500, 2);
  assert.deepEqual(
    orderOf(arrivals),
    Array.from({ length: 500 }, (_, at) => at),
  );
  const delays = arrivals.map(({ sequence, at }) => at - sequence * 2);
  assert(Math.min(...delays) >= 20 && Math.max(...delays) <= 31, `${Math.max(...delays)}`);
  assert(new Set(delays).size > 5);
});

test("[S43] a rate spaces packets out, and what finds the queue full is dropped and counted", () => {
  // 100 bytes at 10 000 bytes a second: one every 10 ms.
  const line = new Line({ rate: 10_000, limit: 500 });
  for (let at = 0; at < 20; at++) {
    assert.equal(line.end.module.down(packetOf(at), 0), true);
  }
  const arrivals = line.run(0, 0);
  assert.deepEqual(orderOf(arrivals), [0, 1, 2, 3, 4]);
  assert.deepEqual(
    arrivals.map(({ at }) => Math.round(at)),
    [10, 20, 30, 40, 50],
  );
  assert.equal(line.end.module.stats()["queue-full"], 15);
});

test("[S43] the queue is bounded in time, too", () => {
  const line = new Line({ rate: 10_000, wait: 25 });
  for (let at = 0; at < 10; at++) line.end.module.down(packetOf(at), 0);
  assert.deepEqual(orderOf(line.run(0, 0)), [0, 1, 2]);
});

test("[S44] flows that name one queue share its rate, others do not", () => {
  const clock = new VirtualClock();
  const shared = { clock, bottlenecks: new Bottlenecks() };
  const rate = { rate: 100_000, limit: 1024 ** 2 };
  const lines = [
    new Line({ ...rate, queue: "line" }, shared),
    new Line({ ...rate, queue: "line" }, shared),
    new Line({ ...rate, queue: "other" }, shared),
  ] as const;
  for (let at = 0; at < 100; at++) {
    for (const line of lines) line.end.module.down(packetOf(at), 0);
  }
  for (let passed = 0; passed < 1_000; passed++) {
    clock.advance(1);
    for (const line of lines) line.note();
  }
  const lastOf = (line: Line): number => Math.round(line.arrivals.at(-1)?.at ?? 0);
  // 100 packets of 1 ms each: alone 100 ms, two flows 200 ms.
  assert.deepEqual(lines.map(lastOf), [199, 200, 100]);
});

test("[S44] an unused queue is forgotten", () => {
  const shared = { clock: new VirtualClock(), bottlenecks: new Bottlenecks() };
  const slow = new Line({ rate: 1_000, queue: "line", limit: 1024 ** 2 }, shared);
  for (let at = 0; at < 100; at++) slow.end.module.down(packetOf(at), 0);
  slow.end.module.ended?.();
  const next = new Line({ rate: 1_000, queue: "line" }, shared);
  next.end.module.down(packetOf(1), 0);
  shared.clock.advance(100);
  assert.equal(next.end.lower.length, 1);
});

test("[S45] where nothing is lost, a loss delays everything after it", () => {
  const line = new Line({ loss: 0.1, retry: 200, seed: 3 }, { reliable: true });
  const arrivals = line.run(100, 10);
  assert.deepEqual(
    orderOf(arrivals),
    Array.from({ length: 100 }, (_, at) => at),
  );
  const delays = arrivals.map(({ sequence, at }) => at - sequence * 10);
  assert(Math.max(...delays) >= 200);
  assert.equal(Math.min(...delays), 0);
});

test("[S45] where nothing is lost, a full queue refuses, and what is on its way is backlog", () => {
  const line = new Line({ rate: 10_000, limit: 500 }, { reliable: true });
  const taken = Array.from({ length: 20 }, (_, at) => line.end.module.down(packetOf(at), 0));
  assert.deepEqual(
    taken,
    Array.from({ length: 20 }, (_, at) => at < 5),
  );
  line.clock.advance(15);
  assert.deepEqual(line.end.module.held?.(15), { bytes: 400, oldestMs: 15 });
  let isDone = false;
  line.end.module.drain?.(() => {
    isDone = true;
  });
  assert.equal(isDone, false);
  line.clock.advance(35);
  assert.equal(isDone, true);
  assert.equal(line.end.lower.length, 5);
});

test("[S46] at the receiving side it is what comes that suffers", () => {
  const line = new Line({ loss: 0.5, side: "receive", delay: 5 });
  for (let at = 0; at < 100; at++) line.end.module.down(packetOf(at), 0);
  assert.equal(line.end.lower.length, 100);
  line.end.take(
    Array.from({ length: 1_000 }, (_, at) => packetOf(at)),
    0,
  );
  assert.equal(line.end.upper.length, 0);
  line.clock.advance(5);
  assert(line.end.upper.length > 400 && line.end.upper.length < 600);
});
