import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/index.ts";
import { History } from "../../channel/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM, sequenceOf, splitPackets } from "../../wire/index.ts";
import { LiveStreams } from "./live-streams.ts";
import type { Outlet } from "./outlet.ts";
import { Subscriber } from "./subscriber.ts";

/** Records what is written, and refuses while it is full. */
class TestOutlet implements Outlet {
  readonly kind = "viewer";
  readonly name: string;
  readonly address = "";
  readonly stack = "tcp";
  readonly coalesces = true;
  readonly acknowledgeMs: number | undefined;
  readonly writes: Uint8Array[] = [];
  readonly ends: string[] = [];
  isFull = false;

  constructor(name: string, acknowledgeMs: number | undefined = 250) {
    this.name = name;
    this.acknowledgeMs = acknowledgeMs;
  }

  /** Sequences of all packets, in order. */
  get received(): number[] {
    return this.writes.flatMap((bytes) => [...splitPackets(bytes)].map(sequenceOf));
  }

  send(packets: Uint8Array): boolean {
    if (!this.isFull) this.writes.push(packets);
    return !this.isFull;
  }

  backlog(): { readonly bytes: number; readonly oldestMs: number } {
    return { bytes: 0, oldestMs: 0 };
  }

  close(code: string): void {
    this.ends.push(code);
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly history = new History(1 << 20);
  readonly skipping: string[] = [];
  readonly streams = new LiveStreams({
    clock: this.clock,
    onSkips: (subscriber) => {
      this.skipping.push(subscriber.outlet.name);
      this.streams.delete(subscriber);
    },
  });
  #next = 0;

  join(outlet: TestOutlet): Subscriber {
    const subscriber = new Subscriber(1, outlet, this.history, this.clock);
    subscriber.state = "live";
    this.streams.add(subscriber, this.history.end - 1);
    return subscriber;
  }

  /** A packet of media. */
  packet(flags: number, bytes = 100, sequence = this.#next++ & 0xffff): void {
    const header = { kind: KIND.rtp, channel: 1, source: 7, medium: MEDIUM.video };
    const packet = encodePacket(
      { ...header, flags, sourceGeneration: 0, sequence },
      new Uint8Array(bytes),
    );
    const { position } = this.history.add(packet, this.clock.now());
    this.streams.deliver(packet, position);
  }

  /** An in-band message, identified by its number. */
  say(sequence: number, patient: boolean): void {
    const header = { kind: KIND.control, channel: 1, source: 0, medium: MEDIUM.control };
    const packet = encodePacket(
      { ...header, flags: 0, sourceGeneration: 0, sequence },
      new Uint8Array(8),
    );
    this.streams.announce(packet, patient);
  }

  acknowledge(subscriber: Subscriber, sequence: number): void {
    subscriber.acknowledge([{ source: 7, generation: 0, medium: MEDIUM.video, sequence }]);
  }
}

test("[W53] a frame is one write to each member, of the same bytes", () => {
  const world = new World();
  const [a, b] = [new TestOutlet("a"), new TestOutlet("b")];
  world.join(a);
  world.join(b);
  world.packet(FLAG.begin);
  world.packet(0);
  world.packet(FLAG.end);
  assert.equal(a.writes.length, 1);
  assert.deepEqual(a.received, [0, 1, 2]);
  assert.equal(a.writes[0], b.writes[0]);
  assert.equal(world.streams.packetsOut, 6);
});

test("a frame whose end does not arrive is sent at the next tick, a large one in several writes", () => {
  const world = new World();
  const outlet = new TestOutlet("a");
  world.join(outlet);
  world.packet(FLAG.begin);
  assert.equal(world.streams.isCalm, false);
  world.streams.tick();
  assert.deepEqual(outlet.received, [0]);
  assert.equal(world.streams.isCalm, true);
  for (let i = 0; i < 100; i++) world.packet(i === 99 ? FLAG.end : 0, 1_000);
  assert.equal(outlet.received.length, 101);
  assert.ok(outlet.writes.every((bytes) => bytes.byteLength <= 56 * 1024));
});

test("in-band messages keep their place, and wait at most half a second for a frame", () => {
  const world = new World();
  const outlet = new TestOutlet("a");
  world.join(outlet);
  world.say(1_000, true);
  world.packet(FLAG.begin | FLAG.end);
  assert.equal(outlet.writes.length, 1);
  assert.deepEqual(outlet.received, [1_000, 0]);
  assert.equal(world.streams.packetsOut, 1, "only media counts");

  world.say(1_001, true);
  world.clock.advance(490);
  world.streams.tick();
  assert.equal(outlet.writes.length, 1);
  world.clock.advance(10);
  world.streams.tick();
  assert.deepEqual(outlet.received.slice(2), [1_001]);

  world.say(1_002, true);
  world.say(1_003, false);
  world.streams.tick();
  assert.deepEqual(outlet.received.slice(3), [1_002, 1_003]);
});

test("a member that joins in the middle of a frame gets what follows what it has", () => {
  const world = new World();
  const [early, late] = [new TestOutlet("early"), new TestOutlet("late")];
  world.join(early);
  world.packet(FLAG.begin);
  world.join(late);
  world.packet(FLAG.end);
  assert.deepEqual(early.received, [0, 1]);
  assert.deepEqual(late.received, [1]);
});

test("a full connection makes its subscriber skip, and only that one", () => {
  const world = new World();
  const [swift, full] = [new TestOutlet("swift"), new TestOutlet("full")];
  world.join(swift);
  const subscriber = world.join(full);
  world.packet(FLAG.end);
  world.acknowledge(subscriber, 0);
  full.isFull = true;
  world.packet(FLAG.end);
  assert.deepEqual(world.skipping, ["full"]);
  assert.equal(subscriber.state, "skipping");
  assert.equal(subscriber.drops.get("queue-full"), 1);
  world.packet(FLAG.end);
  assert.deepEqual(swift.received, [0, 1, 2]);
  assert.equal(subscriber.lagMs, 0, "everything that it was sent is acknowledged");
});

test("[W54] a subscriber that acknowledges late skips after a second, or later if it was asked to acknowledge less", () => {
  const world = new World();
  const outlets = [
    new TestOutlet("usual"),
    new TestOutlet("patient", 1_000),
    new TestOutlet("swift"),
  ];
  const [, , swift] = outlets.map((outlet) => world.join(outlet));
  const skips: [number, string][] = [];
  for (let frame = 0; frame < 60; frame++) {
    const before = world.skipping.length;
    world.packet(FLAG.end);
    world.acknowledge(swift as Subscriber, frame);
    world.clock.advance(50);
    world.streams.judge();
    for (const name of world.skipping.slice(before)) skips.push([world.clock.now(), name]);
  }
  assert.deepEqual(
    skips.map(([, name]) => name),
    ["usual", "patient"],
  );
  const [usual, patient] = skips.map(([at]) => at) as [number, number];
  assert.ok(usual > 1_000 && usual <= 1_150, `usual: ${usual} ms`);
  assert.ok(patient > 1_750 && patient <= 1_900, `patient: ${patient} ms`);
});

test("[W54] what was overtaken is acknowledged with the newest number, and does not lag", () => {
  const world = new World();
  const subscriber = world.join(new TestOutlet("a"));
  for (const sequence of [0, 3, 1]) world.packet(FLAG.begin | FLAG.end, 100, sequence);
  world.acknowledge(subscriber, 3);
  world.clock.advance(5_000);
  assert.equal(subscriber.lagMs, 0);
  world.packet(FLAG.begin | FLAG.end, 100, 4);
  world.packet(FLAG.begin | FLAG.end, 100, 2);
  world.clock.advance(5_000);
  assert.equal(subscriber.lagMs, 5_000, "4 is not acknowledged");
});

test("[W54] a subscriber that acknowledges nothing for 10 s is disconnected", () => {
  const world = new World();
  const outlet = new TestOutlet("silent");
  const subscriber = world.join(outlet);
  world.packet(FLAG.end);
  for (let s = 0; s < 11; s++) {
    world.clock.advance(1_000);
    world.streams.judge();
    subscriber.judge();
  }
  assert.equal(outlet.ends[0], "too-slow");
});

test("shared sends are counted for each member from when it joined to when it left", () => {
  const world = new World();
  const early = world.join(new TestOutlet("early"));
  world.packet(FLAG.end);
  const outlet = new TestOutlet("late");
  const late = world.join(outlet);
  world.packet(FLAG.begin);
  world.packet(FLAG.end);
  world.streams.delete(late);
  world.packet(FLAG.end);
  assert.deepEqual([early.packets, late.packets], [4, 2]);
  assert.equal(
    late.bytes,
    outlet.writes.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  world.join(outlet);
  assert.equal(late.packets, 2);
  assert.equal(world.streams.packetsOut, 6);
});

test("when a member leaves during a send, the others get the packet once", () => {
  const world = new World();
  const outlets = Array.from({ length: 7 }, (_, i) => new TestOutlet(`${i}`));
  for (const outlet of outlets) world.join(outlet);
  for (const index of [0, 3, 6]) (outlets[index] as TestOutlet).isFull = true;
  world.packet(FLAG.end);
  assert.deepEqual(world.skipping.toSorted(), ["0", "3", "6"]);
  world.packet(FLAG.end);
  for (const { isFull, received } of outlets) assert.deepEqual(received, isFull ? [] : [0, 1]);
  assert.equal(world.streams.size, 4);
});

test("a subscriber that was not asked to acknowledge does not lag", () => {
  const world = new World();
  const outlet = new TestOutlet("a site", Number.NaN);
  const site = world.join(Object.assign(outlet, { acknowledgeMs: undefined }));
  world.packet(FLAG.end);
  world.clock.advance(60_000);
  world.streams.judge();
  assert.equal(site.lagMs, 0);
  assert.deepEqual(world.skipping, []);
});
