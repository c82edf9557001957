import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accountOf,
  longestGap,
  RelayWorld,
  type RelayWorldOptions,
  WorldPublisher,
  type WorldViewer,
} from "../sim/index.ts";
import type { Departed } from "./departure.ts";

const SITES = ["origin", "north", "middle", "south"];

/** The demo's network; viewers are told all sites. */
function chain(options: RelayWorldOptions): RelayWorld & { readonly publisher: WorldPublisher } {
  const world = new RelayWorld(options);
  for (const name of SITES) world.addSite(name);
  for (const name of SITES) {
    const others = SITES.filter((each) => each !== name);
    world.site(name).setSites(others.map((each) => ({ name: each, url: each })));
  }
  world.openChannel("origin", "clip");
  world.openChannel("north", "clip", ["origin"]);
  world.openChannel("middle", "clip", ["north", "origin"]);
  world.openChannel("south", "clip", ["middle", "north", "origin"]);
  return Object.assign(world, { publisher: new WorldPublisher(world, "origin", "clip") });
}

/** Makes a site depart as it does when it is stopped, and then ends it. */
async function leave(world: RelayWorld, name: string, withinMs = 3_000): Promise<Departed> {
  let departed: Departed | undefined;
  void world
    .site(name)
    .depart(withinMs)
    .then((how) => {
      departed = how;
    });
  for (let waited = 0; departed === undefined; waited += 20) {
    assert.ok(waited <= withinMs + 100, "a departure ends");
    await world.run(20);
  }
  world.kill(name);
  return departed;
}

function assertComplete(viewer: WorldViewer, atLeast: number): void {
  const { received, ...wrong } = accountOf(viewer);
  assert.ok(received >= atLeast, `expected at least ${atLeast} packets, got ${received}`);
  assert.deepEqual(wrong, { missing: 0, repeated: 0 });
}

for (const reliable of [true, false]) {
  test(`a departing relay is replaced before it closes (${reliable ? "streams" : "datagrams"})`, async () => {
    const world = chain({ seed: 1, reliable, lossRatio: reliable ? 0 : 0.1 });
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["south"]);
    await world.run(2_000);
    assert.deepEqual(viewer.client.stats.path, SITES);
    const at = world.clock.now();
    assert.deepEqual(await leave(world, "middle"), { served: 1, stayed: 0 });
    await world.run(2_000);
    assert.deepEqual(viewer.client.stats.path, ["origin", "north", "south"]);
    if (reliable) assert.ok(longestGap(viewer, at) <= 40, `a gap of ${longestGap(viewer, at)} ms`);
    world.restart("middle");
    await world.run(8_000);
    assert.deepEqual(viewer.client.stats.path, SITES, "the original path is restored");
    world.publisher.stop();
    await world.run(600);
    assertComplete(viewer, 1_000);
    world.close();
  });
}

test("viewers of a departing site continue at another one without a pause", async () => {
  const world = chain({ seed: 2 });
  await world.run(2_000);
  const viewers = Array.from({ length: 40 }, () => world.addViewer("clip", ["south"]));
  await world.run(1_000);
  const at = world.clock.now();
  assert.deepEqual(await leave(world, "south"), { served: 40, stayed: 0 });
  await world.run(2_000);
  for (const viewer of viewers) {
    assertComplete(viewer, 300);
    assert.ok(longestGap(viewer, at) <= 40, `a gap of ${longestGap(viewer, at)} ms`);
    assert.ok(
      viewer.states.every(({ type }) => type === "connecting" || type === "live"),
      "nothing was lost, so no loss is reported",
    );
  }
  world.close();
});

test("a site whose route names only the departing one goes around it, by what that one told", async () => {
  const world = chain({ seed: 3 });
  world.openChannel("south", "clip", ["middle"]);
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["south"]);
  await world.run(2_000);
  const at = world.clock.now();
  assert.deepEqual(await leave(world, "middle"), { served: 1, stayed: 0 });
  await world.run(1_000);
  assert.deepEqual(viewer.client.stats.path, ["origin", "north", "south"]);
  assert.ok(longestGap(viewer, at) <= 40, `a gap of ${longestGap(viewer, at)} ms`);
  world.restart("middle");
  await world.run(8_000);
  assert.deepEqual(viewer.client.stats.path, SITES);
  assertComplete(viewer, 800);
  world.close();
});

test("a viewer without another site delays a departing site by at most a second, and returns to it", async () => {
  const world = new RelayWorld({ seed: 3 });
  for (const name of ["origin", "middle"]) {
    world.addSite(name);
    world.site(name).setSites([{ name: "elsewhere", url: "elsewhere" }]);
  }
  world.openChannel("origin", "clip");
  world.openChannel("middle", "clip", ["origin"]);
  new WorldPublisher(world, "origin", "clip");
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["middle"]);
  await world.run(2_000);
  const at = world.clock.now();
  assert.deepEqual(await leave(world, "middle"), { served: 1, stayed: 1 });
  assert.ok(world.clock.now() - at < 1_500);
  await world.run(500);
  world.restart("middle");
  await world.run(4_000);
  assertComplete(viewer, 500);
  world.close();
});

test("the site that ingests a channel does not wait when it departs", async () => {
  const world = chain({ seed: 4 });
  await world.run(2_000);
  world.addViewer("clip", ["south"]);
  await world.run(1_000);
  const at = world.clock.now();
  assert.deepEqual(await leave(world, "origin"), { served: 0, stayed: 0 });
  assert.ok(world.clock.now() - at < 100);
  world.close();
});

test("a departing site admits no viewer, and sends newcomers elsewhere", async () => {
  const world = chain({ seed: 5 });
  await world.run(2_000);
  void world.site("south").depart(3_000);
  const viewer = world.addViewer("clip", ["south", "north"]);
  await world.run(2_000);
  assertComplete(viewer, 100);
  assert.deepEqual(viewer.client.stats.path, ["origin", "north"]);
  assert.equal(world.site("south").stats().viewers, 0);
  world.close();
});

test("the sums agree with the snapshot, and name the slowest subscribers", async () => {
  const world = chain({ seed: 6 });
  await world.run(1_000);
  world.addViewer("clip", ["south"]);
  const gone = world.addViewer("clip", ["south"]);
  await world.run(1_000);
  gone.client.close();
  await world.run(1_000);
  const stats = world.site("south").stats();
  const snapshot = world.site("south").snapshot();
  const [channel, whole] = [stats.channels[0], snapshot.channels[0]];
  assert.ok(channel !== undefined && whole !== undefined);
  assert.deepEqual(
    [channel.packetsIn, channel.bytesOut, channel.path, channel.latencyMs],
    [whole.packetsIn, whole.bytesOut, whole.path, whole.latencyMs],
  );
  assert.deepEqual(channel.subscribers, { site: 0, viewer: 1, rtp: 0 });
  assert.equal(stats.viewers, 1);
  assert.ok(stats.links >= 1);
  assert.ok(stats.slowest.every(({ channel: name, kind }) => name === "clip" && kind === "viewer"));
  world.close();
});
