import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, VirtualClock } from "../../base/index.ts";
import { History } from "../../channel/index.ts";
import { encodePacket, KIND, kindOf, MEDIUM, sequenceOf, splitPackets } from "../../wire/index.ts";
import type { Outlet } from "./outlet.ts";
import { Subscriber } from "./subscriber.ts";

/** A channel's history, and one subscriber over a stream that records what it is sent. */
class World {
  readonly clock = new VirtualClock();
  readonly history = new History(1 << 20);
  readonly writes: Uint8Array[] = [];
  readonly subscriber: Subscriber;

  constructor(kind: Outlet["kind"] = "viewer") {
    const outlet: Outlet = {
      ...{ kind, name: "v", address: "", stack: "tcp", coalesces: true, acknowledgeMs: undefined },
      send: (packets) => this.writes.push(packets) > 0,
      backlog: () => ({ bytes: 0, oldestMs: 0 }),
      close() {},
    };
    this.subscriber = new Subscriber(1, outlet, this.history, this.clock);
  }

  /** What was sent, in order: `p` is a packet, `m` a message. */
  get sent(): string[] {
    return this.writes.flatMap((bytes) =>
      [...splitPackets(bytes)].map(
        (packet) => `${kindOf(packet) === KIND.control ? "m" : "p"}${sequenceOf(packet)}`,
      ),
    );
  }

  packet(sequence: number): void {
    this.history.add(bytesOf(KIND.rtp, MEDIUM.video, sequence), this.clock.now());
  }

  say(sequence: number): void {
    const packet = bytesOf(KIND.control, MEDIUM.control, sequence);
    this.history.messages.add("description", packet, this.history.end);
  }
}

function bytesOf(kind: number, medium: number, sequence: number): Uint8Array {
  const header = { kind, flags: 0, channel: 1, source: 7, medium, sourceGeneration: 0 };
  return encodePacket({ ...header, sequence }, new Uint8Array(kind === KIND.rtp ? 900 : 20));
}

test("who continues is told what was said meanwhile in its place between the packets", () => {
  const world = new World();
  for (const sequence of [0, 1]) world.packet(sequence);
  world.say(0);
  for (const sequence of [2, 3]) world.packet(sequence);
  world.say(1);
  world.say(2);
  world.packet(4);
  world.say(3);
  world.subscriber.catchUp(1, { told: -1 });
  assert.equal(world.subscriber.pump(1e6), true);
  assert.deepEqual(world.sent, ["p1", "m0", "p2", "p3", "m1", "m2", "p4", "m3"]);
});

test("at any place in any history each message comes once, and in order", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new SeededRandom(seed);
    const world = new World();
    const expected: string[] = [];
    let [packets, messages] = [0, 0];
    const from = Math.floor(random.float() * 40);
    let told = -1;
    const act = (): void => {
      if (random.float() < 0.6) {
        if (packets >= from) expected.push(`p${packets}`);
        world.packet(packets++);
        return;
      }
      if (packets >= from) expected.push(`m${messages}`);
      else told = messages;
      world.say(messages++);
    };
    while (packets <= from) act();
    world.subscriber.catchUp(from, { told });
    while (expected.length < 120) {
      act();
      if (random.float() < 0.3) world.subscriber.pump(1e6);
      world.clock.advance(3);
      // It is live from here on, and is told directly.
      if (world.subscriber.position === packets - 1) break;
    }
    while (!world.subscriber.pump(1e6)) world.clock.advance(10);
    assert.deepEqual(world.sent, expected, `seed ${seed}`);
  }
});

test("a sink in this process is sent no messages as packets", () => {
  const world = new World("rtp");
  world.packet(0);
  world.say(0);
  world.packet(1);
  world.subscriber.catchUp(0, { told: -1 });
  world.subscriber.pump(1e6);
  assert.deepEqual(world.sent, ["p0", "p1"]);
});
