import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, SeededRandom, VirtualClock } from "../base/index.ts";
import { connectionConformance, packetOf, Received } from "./connection.conformance.ts";
import { type MemoryOptions, MemoryTransport, memoryPair } from "./memory.ts";

for (const reliable of [true, false]) {
  const name = `memory (${reliable ? "reliable" : "datagrams"})`;
  connectionConformance(name, { reliable, coalesces: reliable, recovers: true }, async () => {
    let now = 0;
    // Deliveries in the next turn, times by hand.
    const clock = {
      now: () => now,
      wall: () => now,
      after: (_name: string, _delayMs: number, task: () => void) => {
        setImmediate(task);
        return () => {};
      },
    };
    const [left, right] = memoryPair({ reliable, clock });
    return {
      left,
      right,
      inject: (bytes) => void right.send(bytes),
      vanish: () => right.reset(),
      advance: (ms) => {
        now += ms;
      },
      [Symbol.asyncDispose]: async () => {
        left.close();
        right.close();
      },
    };
  });
}

/** Sequences that arrive when 1000 packets are sent, one each ms. */
function arrivals(options: MemoryOptions): number[] {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ reliable: false, clock, ...options });
  const got: number[] = [];
  right.onPackets((bytes) => void got.push((bytes[16] as number) | ((bytes[17] as number) << 8)));
  // The handler is set in a microtask; what comes before is kept.
  for (let at = 0; at < 1_000; at++) {
    left.send(packetOf(0, at));
    clock.advance(1);
  }
  clock.advance(100);
  return got;
}

async function settled(options: MemoryOptions): Promise<number[]> {
  const got = arrivals(options);
  await Promise.resolve();
  return got;
}

test("latency is the clock's: nothing arrives before, everything at its time", async () => {
  const clock = new VirtualClock();
  const [left, right] = memoryPair({ clock, latencyMs: 25 });
  const atRight = new Received(right);
  await Promise.resolve();
  left.send(packetOf(1));
  clock.advance(24);
  assert.equal(atRight.packets.length, 0);
  assert.equal(left.backlog().bytes, 21);
  clock.advance(1);
  assert.equal(atRight.packets.length, 1);
  assert.equal(left.backlog().bytes, 0);
});

test("loss, duplication and reordering come in about the shares asked for", async () => {
  const faults = { lossRatio: 0.1, duplicateRatio: 0.2, reorderRatio: 0.3 };
  const got = await settled({ ...faults, random: new SeededRandom(7), latencyMs: 5 });
  const distinct = new Set(got).size;
  assert(distinct > 850 && distinct < 950, `${distinct} of 1000 arrived`);
  const repeated = got.length - distinct;
  assert(repeated > 130 && repeated < 230, `${repeated} arrived twice`);
  const late = got.filter((each, at) => at > 0 && each < (got[at - 1] as number)).length;
  assert(late > 50, `${late} arrived out of order`);
});

test("the same seed gives the same faults, another seed others", async () => {
  const faults = { lossRatio: 0.3, duplicateRatio: 0.1, reorderRatio: 0.2 };
  const run = (seed: number): Promise<number[]> =>
    settled({ ...faults, random: new SeededRandom(seed) });
  assert.deepEqual(await run(1), await run(1));
  assert.notDeepEqual(await run(1), await run(2));
});

test("[T9] a datagram connection without a handler keeps up to its bound and counts the rest", async () => {
  const [left, right] = memoryPair({ reliable: false });
  const packet = packetOf(1_004);
  const fitting = Math.floor(LIMITS.earlyBytesMax / packet.byteLength);
  for (let at = 0; at < fitting + 5; at++) left.send(packet);
  await new Promise(setImmediate);
  const atRight = new Received(right);
  await atRight.reach(fitting);
  await new Promise(setImmediate);
  assert.equal(atRight.packets.length, fitting);
  assert.deepEqual(right.stats(), { "early-dropped": 5 });
});

test("a memory transport connects its users, and refuses unknown addresses", async () => {
  await using network = new MemoryTransport();
  await assert.rejects(network.connect("north"), { code: "connect-refused" });
  const listener = network.listen("north", (connection) => {
    connection.onPackets((bytes) => void connection.send(bytes));
  });
  assert.throws(() => network.listen("north", () => {}), { code: "port-in-use" });
  const connection = await network.connect("north");
  assert.equal(connection.peer, "north");
  const echoed = new Received(connection);
  connection.send(packetOf(3));
  assert.deepEqual(await echoed.reach(1), [packetOf(3)]);
  await listener[Symbol.asyncDispose]();
  await assert.rejects(network.connect("north"), { code: "connect-refused" });
});

test("a memory transport that is disposed of closes its connections", async () => {
  const network = new MemoryTransport();
  network.listen("north", (connection) => connection.onPackets(() => {}));
  const connection = await network.connect("north");
  await network[Symbol.asyncDispose]();
  assert.equal(await connection.closed, undefined);
});
