import assert from "node:assert/strict";
import { test } from "node:test";
import { every, SeededRandom, serialDistance } from "../base/index.ts";
import { Peer } from "../channel/index.ts";
import {
  accountOf,
  longestGap,
  RelayWorld,
  type RelayWorldOptions,
  WorldPublisher,
  type WorldViewer,
} from "../sim/index.ts";
import { encodePacket, KIND } from "../wire/index.ts";
import type { SubscriberSnapshot } from "./snapshot.ts";

/** The demo's network: origin > north > middle > south, each with an alternative around its neighbour. */
function chain(options: RelayWorldOptions): { world: RelayWorld; publisher: WorldPublisher } {
  const world = new RelayWorld(options);
  for (const name of ["origin", "north", "middle", "south"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("north", "clip", ["origin"]);
  world.openChannel("middle", "clip", ["north", "origin"]);
  world.openChannel("south", "clip", ["middle", "north", "origin"]);
  return { world, publisher: new WorldPublisher(world, "origin", "clip") };
}

/** Each number from the first to the last exactly once. */
function assertComplete(viewer: WorldViewer, atLeast: number): void {
  const { received, ...wrong } = accountOf(viewer);
  assert.ok(received >= atLeast, `expected at least ${atLeast} packets, got ${received}`);
  assert.deepEqual(wrong, { missing: 0, repeated: 0 });
}

for (const reliable of [true, false]) {
  const links = reliable ? "streams" : "datagrams";

  test(`a viewer behind three relays gets every packet once, in order (${links})`, async () => {
    const { world } = chain({ seed: 1, reliable });
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["south"]);
    await world.run(3_000);
    assertComplete(viewer, 250);
    assert.deepEqual(viewer.client.stats.path, ["origin", "north", "middle", "south"]);
    for (let i = 1; i < viewer.received.length; i++) {
      const [a, b] = [viewer.received[i - 1] as number, viewer.received[i] as number];
      assert.equal(serialDistance(a, b, 16), 1);
    }
    world.close();
  });

  test(`viewers behind a killed relay lose no packet and wait less than a second (${links})`, async () => {
    const { world } = chain({ seed: 2, reliable });
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["south"]);
    await world.run(2_000);
    world.kill("middle");
    await world.run(3_000);
    assertComplete(viewer, 400);
    assert.deepEqual(viewer.client.stats.path, ["origin", "north", "south"]);
    assert.equal(viewer.client.stats.packetsLost, 0);
    assert.ok(longestGap(viewer) <= 300, `the picture froze for ${longestGap(viewer)} ms`);
    world.restart("middle");
    await world.run(8_000);
    assertComplete(viewer, 1_000);
    assert.deepEqual(viewer.client.stats.path, ["origin", "north", "middle", "south"]);
    world.close();
  });
}

test("a viewer whose site is killed resumes at another one", async () => {
  const { world } = chain({ seed: 3 });
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["south", "north"]);
  await world.run(2_000);
  world.kill("south");
  await world.run(3_000);
  assertComplete(viewer, 400);
  assert.deepEqual(viewer.client.stats.path, ["origin", "north"]);
  assert.equal(viewer.client.stats.resumes, 1);
  world.close();
});

test("packets lost, doubled and reordered on datagram links are repaired", async () => {
  for (let seed = 10; seed < 30; seed++) {
    const { world, publisher } = chain({
      seed,
      reliable: false,
      lossRatio: 0.05,
      duplicateRatio: 0.05,
      reorderRatio: 0.05,
    });
    await world.run(1_500);
    const viewer = world.addViewer("clip", ["south"]);
    await world.run(4_000);
    publisher.stop();
    await world.run(600);
    assertComplete(viewer, 300);
    world.close();
  }
});

for (const frozenMs of [100, 300, 900, 1_900, 4_000]) {
  test(`a relay that stands still for ${frozenMs} ms and continues loses and repeats no packet`, async () => {
    const { world } = chain({ seed: frozenMs, reliable: frozenMs % 200 === 0 });
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["south"]);
    await world.run(1_000);
    world.freeze("middle");
    await world.run(frozenMs);
    world.thaw("middle");
    await world.run(8_000);
    assertComplete(viewer, 800);
    assert.ok(longestGap(viewer) <= 300, `the picture froze for ${longestGap(viewer)} ms`);
    world.close();
  });
}

test("a viewer that never acknowledges skips after 1 s and is closed after 10 s; others are not affected", async () => {
  const world = new RelayWorld({ seed: 8 });
  world.addSite("origin");
  world.openChannel("origin", "clip");
  const publisher = new WorldPublisher(world, "origin", "clip");
  await world.run(1_000);
  const viewer = world.addViewer("clip", ["origin"]);
  const ends: string[] = [];
  const silent = new Peer(
    await world.connect("origin"),
    { role: "viewer", name: "silent", instance: 9, token: "", heartbeatMs: 1_000 },
    true,
    { clock: world.clock, random: new SeededRandom(9) },
    {
      admit: () => undefined,
      onOpen: () => {
        const message = { channel: "clip", forward: true, resume: [], request: 1 };
        silent.sendControl({ type: "subscribe", ...message });
      },
      onPacket() {},
      onControl() {},
      onSuspected() {},
      onTrusted() {},
      onClosed: ({ code }) => ends.push(code),
    },
  );
  const stop = every(world.clock, "silent viewer", 50, () => silent.tick());
  await world.run(2_500);
  const about = (): SubscriberSnapshot | undefined =>
    world
      .site("origin")
      .snapshot()
      .channels[0]?.subscribers.find(({ name }) => name === "silent");
  assert.equal(about()?.state, "skipping");
  assert.ok((about()?.drops["slow-subscriber"] ?? 0) > 0);
  await world.run(9_000);
  assert.deepEqual(ends, ["too-slow"]);
  assert.equal(about(), undefined);
  assertComplete(viewer, 900);
  stop();
  publisher.stop();
  world.close();
});

test("packets and in-band messages of a stranger are counted and dropped", async () => {
  const { world, publisher } = chain({ seed: 9 });
  await world.run(1_000);
  const viewer = world.addViewer("clip", ["south"]);
  await world.run(1_000);
  const before = viewer.received.length;
  const stranger = await world.connect("south");
  let opened = false;
  const peer: Peer = new Peer(
    stranger,
    { role: "viewer", name: "stranger", instance: 3, token: "", heartbeatMs: 1_000 },
    true,
    { clock: world.clock, random: new SeededRandom(3) },
    {
      admit: () => undefined,
      onOpen: () => {
        opened = true;
      },
      onPacket() {},
      onControl() {},
      onSuspected() {},
      onTrusted() {},
      onClosed() {},
    },
  );
  peer.tick();
  await world.run(100);
  assert.ok(opened);
  const id = world.site("south").snapshot().channels[0]?.id ?? 0;
  const header = { flags: 0, channel: id, source: 99, sourceGeneration: 0, medium: 2, sequence: 1 };
  peer.send(encodePacket({ kind: KIND.rtp, ...header }, new Uint8Array(50)));
  peer.sendControl({ type: "path", sites: ["nowhere"], originOffsetMs: 0 }, id);
  await world.run(500);
  const { channels, drops } = world.site("south").snapshot();
  assert.equal(channels[0]?.drops["untrusted-source"], 1);
  assert.equal(drops["untrusted-source"], 1);
  assert.deepEqual(channels[0]?.path, ["origin", "north", "middle", "south"]);
  assert.ok(viewer.received.length > before);
  publisher.stop();
  world.close();
});

test("a channel that is not kept is pulled while it has subscribers, and released afterwards", async () => {
  const world = new RelayWorld({ seed: 5 });
  for (const name of ["origin", "edge"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("edge", "clip", ["origin"], { keep: false });
  const publisher = new WorldPublisher(world, "origin", "clip");
  await world.run(1_000);
  const taken = (): number => world.site("edge").snapshot().channels[0]?.packetsIn ?? -1;
  assert.equal(taken(), 0);
  const viewer = world.addViewer("clip", ["edge"]);
  await world.run(2_000);
  assertComplete(viewer, 100);
  viewer.client.close();
  await world.run(6_000);
  const after = taken();
  await world.run(2_000);
  assert.equal(taken(), after);
  publisher.stop();
  world.close();
});

test("channels, inputs and subscribers come and go, and a viewer of another channel misses nothing", async () => {
  const { world, publisher } = chain({ seed: 11, reliable: false });
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["south"]);
  await world.run(1_000);
  for (let round = 0; round < 10; round++) {
    const other = `other-${round}`;
    world.openChannel("origin", other);
    const second = new WorldPublisher(world, "origin", other);
    world.openChannel("south", other, ["origin"]);
    const guest = world.addViewer(other, ["south"]);
    await world.run(700);
    assert.ok(guest.received.length > 10, `${other} was watched`);
    guest.client.close();
    second.stop();
    world.site("south").closeChannel(other, "test");
    world.site("origin").closeChannel(other, "test");
    // The upstream of the watched channel changes as well, without an interruption.
    world.openChannel(
      "south",
      "clip",
      round % 2 === 0 ? ["north", "origin"] : ["middle", "north", "origin"],
    );
    await world.run(300);
  }
  publisher.stop();
  await world.run(600);
  assertComplete(viewer, 950);
  world.close();
});

test("a full channel refuses with a message, and admits another subscriber when one has left", async () => {
  const world = new RelayWorld({ seed: 6 });
  world.addSite("origin");
  world.openChannel("origin", "clip");
  const publisher = new WorldPublisher(world, "origin", "clip");
  await world.run(100);
  world.site("origin").setLimits({ maxSubscribers: 1, maxBitsPerSecond: 1e12 });
  const first = world.addViewer("clip", ["origin"]);
  await world.run(500);
  const second = world.addViewer("clip", ["origin"]);
  await world.run(500);
  const refused = second.states.find((state) => state.type === "refused");
  assert.equal(refused?.type === "refused" ? refused.code : "", "admission-refused");
  assert.equal(second.received.length, 0);
  first.client.close();
  await world.run(4_000);
  assert.ok(second.received.length > 0);
  publisher.stop();
  world.close();
});

test("a viewer that is refused by a full site is served by another one", async () => {
  const world = new RelayWorld({ seed: 12 });
  for (const name of ["origin", "edge"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("edge", "clip", ["origin"]);
  const publisher = new WorldPublisher(world, "origin", "clip");
  await world.run(1_000);
  world.site("edge").setLimits({ maxSubscribers: 0, maxBitsPerSecond: 1e12 });
  const viewer = world.addViewer("clip", ["edge", "origin"]);
  await world.run(1_500);
  assert.ok(viewer.states.some((state) => state.type === "refused"));
  assert.deepEqual(viewer.client.stats.path, ["origin"]);
  assertComplete(viewer, 90);
  publisher.stop();
  world.close();
});

test("a subscriber waits while its channel is being opened, and is refused when it cannot be opened", async () => {
  const world = new RelayWorld({ seed: 7 });
  world.addSite("origin");
  const viewer = world.addViewer("later", ["origin"]);
  const lost = world.addViewer("never", ["origin"]);
  await world.run(300);
  assert.equal(world.events.filter((event) => event.type === "channel-wanted").length, 2);
  world.openChannel("origin", "later");
  world.site("origin").refuseChannel("never", "channel-unknown", "there is no channel never");
  const publisher = new WorldPublisher(world, "origin", "later");
  await world.run(500);
  assertComplete(viewer, 20);
  assert.ok(
    lost.states.some((state) => state.type === "refused" && state.code === "channel-unknown"),
  );
  publisher.stop();
  world.close();
});

test("sites are killed and restarted one at a time, and no viewer loses or repeats a packet", async () => {
  for (let seed = 100; seed < 130; seed++) {
    const { world, publisher } = chain({ seed, reliable: seed % 2 === 0 });
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["south", "middle", "north"]);
    await world.run(1_000);
    for (let round = 0; round < 4; round++) {
      const victim = ["north", "middle", "south"][(seed * 7 + round * 5) % 3] as string;
      world.kill(victim);
      await world.run(1_000 + ((seed * 131 + round * 977) % 1_500));
      world.restart(victim);
      await world.run(1_500);
    }
    publisher.stop();
    await world.run(600);
    assertComplete(viewer, 900);
    world.close();
  }
});

test("a relay that has just subscribed does not declare packets unavailable that it has yet to receive", async () => {
  for (let seed = 200; seed < 230; seed++) {
    const world = new RelayWorld({ seed, reliable: false, lossRatio: 0.01 });
    for (const name of ["origin", "left", "right", "edge"]) world.addSite(name);
    world.openChannel("origin", "clip");
    world.openChannel("left", "clip", ["origin"], { keep: false });
    world.openChannel("right", "clip", ["origin"], { keep: false });
    world.openChannel("edge", "clip", ["left", "right"], { keep: false });
    const publisher = new WorldPublisher(world, "origin", "clip");
    await world.run(500);
    const viewer = world.addViewer("clip", ["edge"]);
    await world.run(1_500 + seed);
    world.kill("left");
    await world.run(1_000);
    world.restart("left");
    await world.run(7_000);
    world.kill("right");
    await world.run(2_000);
    publisher.stop();
    await world.run(600);
    assertComplete(viewer, 500);
    assert.deepEqual(viewer.gone, [], `with seed ${seed}`);
    world.close();
  }
});

test("[W27] a site does not declare packets unavailable that were overtaken on their way to it", async () => {
  const world = new RelayWorld({ seed: 5 });
  for (const name of ["origin", "edge"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("edge", "clip", ["origin"]);
  const publisher = world.site("origin").openPublisher("clip");
  const source = { source: 7, generation: 0, medium: 2 };
  const publish = (sequence: number): void => {
    const { generation: sourceGeneration, ...of } = source;
    const header = { kind: KIND.rtp, flags: 0, channel: publisher.channelId, sourceGeneration };
    publisher.publish(encodePacket({ ...header, ...of, sequence }, new Uint8Array(40)));
  };
  const viewer = world.addViewer("clip", ["edge"]);
  await world.run(200);
  for (const sequence of [1, 3, 5, 2, 6, 8, 9]) {
    publish(sequence);
    await world.run(60);
  }
  assert.deepEqual(viewer.gone, []);
  publisher.gap(source, 4, 1);
  await world.run(100);
  assert.ok(viewer.gone.every(({ sequence, count }) => sequence === 4 && count === 1));
  publish(7);
  await world.run(1_000);
  assert.deepEqual(viewer.received, [1, 3, 5, 2, 6, 8, 9, 7]);
  world.close();
});
