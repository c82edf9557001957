import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayWorld } from "../sim/index.ts";
import { encodePacket, FLAG, KIND, MEDIUM, type Track } from "../wire/index.ts";
import type { ChannelPublisher } from "./channel/channel-publisher.ts";

const TRACK: Track = {
  ...{ medium: MEDIUM.video, kind: "video", source: 7, generation: 0 },
  ...{ codec: "h264", payloadType: 96, clockRate: 90_000 },
};

/** A channel at a site, and at a relay behind it. */
function pair(reliable: boolean) {
  const world = new RelayWorld({ seed: 4, reliable });
  world.addSite("origin");
  world.addSite("relay");
  world.openChannel("origin", "clip");
  world.openChannel("relay", "clip", ["origin"]);
  return world;
}

/** Publishes pictures of one packet, the first of them a key frame, one each 20 ms. */
async function publish(
  world: RelayWorld,
  publisher: ChannelPublisher,
  run: { readonly generation: number; readonly count: number; readonly source?: number },
): Promise<Track> {
  const { count, generation, source = 7 } = run;
  const track = { ...TRACK, generation, source };
  publisher.describe([track]);
  for (let sequence = 0; sequence < count; sequence++) {
    const key = sequence === 0 ? FLAG.keyframe : 0;
    publisher.publish(
      encodePacket(
        {
          ...{ kind: KIND.rtp, flags: key | FLAG.begin | FLAG.end, channel: publisher.channelId },
          ...{ source, medium: MEDIUM.video, sourceGeneration: generation, sequence },
        },
        new Uint8Array(100),
      ),
    );
    await world.run(20);
  }
  return track;
}

const tracksAt = (world: RelayWorld, site: string): number | undefined =>
  world.site(site).snapshot().channels[0]?.description?.tracks.length;

for (const reliable of [true, false]) {
  const links = reliable ? "streams" : "datagrams";

  test(`whoever comes after a goodbye gets nothing old, and the next run from its first packet (${links})`, async () => {
    const world = pair(reliable);
    const publisher = world.site("origin").openPublisher("clip");
    const early = world.addViewer("clip", ["relay"]);
    await world.run(500);
    const track = await publish(world, publisher, { generation: 0, count: 100 });
    const late = world.addViewer("clip", ["relay"]);
    publisher.bye(track);
    await world.run(3_000);
    assert.equal(early.received.length, 100, "what was on its way arrives");
    assert.deepEqual([tracksAt(world, "origin"), tracksAt(world, "relay")], [0, 0]);
    const later = [world.addViewer("clip", ["origin"]), world.addViewer("clip", ["relay"])];
    await world.run(2_000);
    for (const { received } of later) assert.deepEqual(received, []);
    await publish(world, publisher, { generation: 1, count: 50 });
    await world.run(500);
    for (const viewer of later) {
      assert.deepEqual(
        viewer.received,
        Array.from({ length: 50 }, (_, index) => index),
      );
    }
    assert.deepEqual([tracksAt(world, "origin"), tracksAt(world, "relay")], [1, 1]);
    assert.ok(late.received.length >= 50);
    world.close();
  });
}

test("an input that ends without a goodbye ends its sources, and the channel says that nothing is published", async () => {
  const world = pair(true);
  const publisher = world.site("origin").openPublisher("clip");
  await publish(world, publisher, { generation: 0, count: 20 });
  publisher.close();
  await world.run(2_000);
  assert.equal(tracksAt(world, "origin"), 0);
  const viewer = world.addViewer("clip", ["origin"]);
  await world.run(1_000);
  assert.deepEqual(viewer.received, []);
  const next = world.site("origin").openPublisher("clip");
  await publish(world, next, { generation: 0, count: 20, source: 8 });
  await world.run(200);
  assert.equal(viewer.received.length, 20);
  assert.equal(tracksAt(world, "origin"), 1);
  world.close();
});

test("a viewer that is catching up when its source ends still gets all of it", async () => {
  const world = pair(true);
  const publisher = world.site("origin").openPublisher("clip");
  const track = await publish(world, publisher, { generation: 0, count: 300 });
  const viewer = world.addViewer("clip", ["origin"]);
  // It has subscribed, and most of the group of pictures is still to be sent.
  await world.run(10);
  publisher.bye(track);
  publisher.close();
  await world.run(3_000);
  assert.equal(viewer.received.length, 300);
  world.close();
});

test("one source of several ends: newcomers get the others, and nothing of it", async () => {
  const world = pair(true);
  const publisher = world.site("origin").openPublisher("clip");
  const track = await publish(world, publisher, { generation: 0, count: 10 });
  const other = { ...TRACK, medium: 4, source: 9 };
  publisher.describe([track, other]);
  const of = (sequence: number): Uint8Array => {
    const flags = FLAG.begin | FLAG.end | (sequence === 5_000 ? FLAG.keyframe : 0);
    const id = { source: 9, medium: 4, sourceGeneration: 0, sequence };
    const header = { kind: KIND.rtp, flags, channel: publisher.channelId, ...id };
    return encodePacket(header, new Uint8Array(10));
  };
  for (let sequence = 5_000; sequence < 5_010; sequence++) publisher.publish(of(sequence));
  await publish(world, publisher, { generation: 1, count: 10 });
  publisher.describe([{ ...track, generation: 1 }, other]);
  publisher.bye({ ...track, generation: 1 });
  const viewer = world.addViewer("clip", ["origin"]);
  await world.run(3_000);
  assert.deepEqual(
    viewer.received,
    Array.from({ length: 10 }, (_, index) => 5_000 + index),
  );
  assert.equal(tracksAt(world, "origin"), 1);
  world.close();
});
