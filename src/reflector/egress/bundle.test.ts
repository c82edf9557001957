import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom, SILENT, VirtualClock } from "../../base/index.ts";
import { defaultChannelConfig } from "../../session/index.ts";
import { nodeCipher } from "../../transport/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM, mediumOf, sequenceOf } from "../../wire/index.ts";
import { plainLinks } from "../links/link-security.ts";
import { Reflector } from "../reflector.ts";
import type { SubscriberSnapshot } from "../snapshot.ts";
import type { Bundle, BundleMember } from "./bundle.ts";
import type { PacketSink } from "./packet-sink.ts";

const CHANNEL = "clip";
const ABOUT = { kind: "rtp", name: "player", address: "nowhere" } as const;

/** A bundle in memory that accepts video only. */
class TestBundle implements Bundle {
  readonly members = new Set<TestSink>();
  calls = 0;

  send(packet: Uint8Array): number {
    this.calls++;
    if (mediumOf(packet) !== MEDIUM.video) return 0;
    for (const { member, received } of this.members) {
      received.push(sequenceOf(packet));
      member.packets++;
      member.bytes += packet.byteLength;
    }
    return this.members.size;
  }
}

/** Records what it gets, alone and by the bundle. */
class TestSink implements PacketSink {
  readonly received: number[] = [];
  alone = 0;
  readonly member: BundleMember & { packets: number; bytes: number };

  constructor(bundle: TestBundle) {
    this.member = {
      bundle,
      packets: 0,
      bytes: 0,
      enter: () => {
        assert.ok(!bundle.members.has(this), "enters once");
        bundle.members.add(this);
      },
      leave: () => assert.ok(bundle.members.delete(this), "leaves the bundle that it entered"),
    };
  }

  wants(packet: Uint8Array): boolean {
    return mediumOf(packet) === MEDIUM.video;
  }

  packet(packet: Uint8Array): void {
    this.alone++;
    this.received.push(sequenceOf(packet));
  }

  description(): void {}
  report(): void {}
  close(): void {}
}

function open() {
  const clock = new VirtualClock(1_000);
  const reflector = new Reflector({
    clock,
    random: new SeededRandom(1),
    log: SILENT,
    security: plainLinks(nodeCipher),
    dial: () => Promise.reject(new Error("no site to dial")),
    onEvent() {},
  });
  const bounds = { maxSubscribers: 100, maxBitsPerSecond: 1e9 };
  reflector.configure({ site: "here", instance: 1, linkKey: "", ...bounds });
  reflector.openChannel({ name: CHANNEL, id: 7, config: defaultChannelConfig() });
  const publisher = reflector.openPublisher(CHANNEL);
  let sequence = 0;
  /** A frame of one packet; every tenth is a key frame. */
  const publish = (medium: number = MEDIUM.video): void => {
    const isKey = medium === MEDIUM.video && sequence % 10 === 0;
    const flags = FLAG.begin | FLAG.end | (isKey ? FLAG.keyframe : 0);
    const number = medium === MEDIUM.video ? sequence++ : 0;
    publisher.publish(
      encodePacket(
        {
          kind: KIND.rtp,
          flags,
          channel: 7,
          source: 1,
          medium,
          sourceGeneration: 0,
          sequence: number,
        },
        new Uint8Array(100),
      ),
    );
  };
  const add = (sink: TestSink): number => reflector.addSink(CHANNEL, ABOUT, sink);
  const of = (id: number): SubscriberSnapshot => {
    const [channel] = reflector.snapshot().channels;
    return channel?.subscribers.find((each) => each.id === id) as SubscriberSnapshot;
  };
  return { clock, reflector, publish, add, of, newest: () => sequence - 1 };
}

test("live members of a bundle cost one call per packet, and are counted like other subscribers", () => {
  const { add, of, publish, reflector } = open();
  const bundle = new TestBundle();
  const sinks = [new TestSink(bundle), new TestSink(bundle), new TestSink(bundle)];
  for (let i = 0; i < 3; i++) publish();
  const ids = sinks.map(add);
  for (let i = 0; i < 4; i++) publish();
  publish(MEDIUM.audio);
  assert.equal(bundle.calls, 5);
  for (const [index, sink] of sinks.entries()) {
    assert.deepEqual(sink.received, [0, 1, 2, 3, 4, 5, 6]);
    assert.equal(sink.alone, 3);
    const { bytes, drops, lagMs, packets, state } = of(ids[index] as number);
    assert.deepEqual(
      { bytes, drops, lagMs, packets, state },
      {
        bytes: 7 * 120,
        drops: {},
        lagMs: 0,
        packets: 7,
        state: "live",
      },
    );
  }
  const [channel] = reflector.snapshot().channels;
  assert.equal(channel?.packetsOut, 21);
  assert.equal(channel?.bytesOut, 21 * 120);
  reflector.close();
  assert.equal(bundle.members.size, 0);
});

test("a bundle without members is not called", () => {
  const { add, publish, reflector } = open();
  const bundle = new TestBundle();
  const [one, two] = [new TestSink(bundle), new TestSink(bundle)];
  const ids = [add(one), add(two)];
  publish();
  reflector.removeSink(ids[0] as number);
  publish();
  reflector.removeSink(ids[1] as number);
  publish();
  assert.equal(bundle.calls, 2);
  assert.deepEqual([one.received, two.received], [[0], [0, 1]]);
  reflector.close();
});

test("members may join and leave: each gets every packet once and in order, from its key frame to its end", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant("publish" as const), count: fc.nat(15) }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("join" as const), bundle: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("leave" as const), which: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.nat(300) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { add, clock, newest, of, publish, reflector } = open();
      const bundles = [new TestBundle(), new TestBundle()];
      const joined: { id: number; sink: TestSink }[] = [];
      for (const each of steps) {
        if (each.type === "publish") for (let i = 0; i < each.count; i++) publish();
        else if (each.type === "wait") clock.advance(each.ms);
        else if (each.type === "join") {
          const sink = new TestSink(bundles[each.bundle] as TestBundle);
          joined.push({ id: add(sink), sink });
        } else {
          const [gone] = joined.splice(each.which, 1);
          if (gone === undefined) continue;
          const before = gone.sink.received.length;
          reflector.removeSink(gone.id);
          publish();
          assert.equal(gone.sink.received.length, before);
        }
      }
      // Until all have caught up.
      clock.advance(5_000);
      for (const { id, sink } of joined) {
        const { received } = sink;
        assert.equal(of(id).packets, received.length);
        assert.equal(of(id).bytes, received.length * 120);
        if (received.length === 0) continue;
        const first = received[0] as number;
        assert.deepEqual(
          received,
          received.map((_, index) => first + index),
        );
        assert.equal(received.at(-1), newest());
      }
      reflector.close();
      assert.equal(bundles[0]?.members.size, 0);
      assert.equal(bundles[1]?.members.size, 0);
    }),
    { numRuns: 200 },
  );
});
