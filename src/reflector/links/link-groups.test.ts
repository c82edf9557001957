import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, RelayWorld, WorldPublisher, type WorldViewer } from "../../sim/index.ts";

const STACK = "multicast(group=239.77.3.1,port=5077)";
const EDGES = ["north", "south", "east"];

/** One origin and three sites that receive its channel by a group, with a viewer each. */
async function open(
  seed: number,
  stack = STACK,
): Promise<{
  readonly world: RelayWorld;
  readonly publisher: WorldPublisher;
  readonly viewers: readonly WorldViewer[];
}> {
  const world = new RelayWorld({ seed, reliable: false, stack });
  for (const name of ["origin", ...EDGES]) world.addSite(name);
  world.openChannel("origin", "clip");
  for (const name of EDGES) world.openChannel(name, "clip", ["origin"]);
  const publisher = new WorldPublisher(world, "origin", "clip");
  await world.run(1_000);
  const viewers = EDGES.map((name) => world.addViewer("clip", [name]));
  await world.run(1_500);
  return { world, publisher, viewers };
}

function assertComplete(viewer: WorldViewer): void {
  const { missing, repeated } = accountOf(viewer);
  assert.deepEqual({ missing, repeated }, { missing: 0, repeated: 0 });
}

function waysOf(world: RelayWorld): Record<string, string> {
  const [channel] = world.site("origin").snapshot().channels;
  const sites = channel?.subscribers.filter(({ kind }) => kind === "site") ?? [];
  return Object.fromEntries(sites.map(({ name, stack }) => [name, stack]));
}

const BY_GROUP = "frag:multicast(group=239.77.3.1,port=5077,ttl=1)";

test("[W29] neighbours that receive a group's probes are sent one packet for all of them", async () => {
  const { world, publisher, viewers } = await open(1);
  assert.deepEqual(waysOf(world), { north: BY_GROUP, south: BY_GROUP, east: BY_GROUP });
  const [published, sent] = [publisher.count, world.groups.sent];
  await world.run(4_000);
  const probes = 4_000 / 200;
  const more = world.groups.sent - sent - (publisher.count - published);
  assert.ok(Math.abs(more) <= probes + 3, `${more} packets more than were published`);
  for (const viewer of viewers) {
    assertComplete(viewer);
    assert.ok(viewer.received.length > 400);
  }
  world.close();
});

test("[W49] with another link key a group is made again, without the site that was put out, and the others lose nothing", async () => {
  const { world, publisher, viewers } = await open(9);
  const [north, south, east] = viewers;
  const expelled = [world.runOf("east")];
  for (const name of ["south", "origin", "north"]) {
    world.rekey(name, "another key", expelled);
    await world.run(60);
  }
  await world.run(100);
  const heard = east?.received.length;
  await world.run(3_000);
  assert.deepEqual(waysOf(world), { north: BY_GROUP, south: BY_GROUP });
  assert.equal(east?.received.length, heard);
  publisher.stop();
  await world.run(500);
  for (const viewer of [north, south]) {
    assertComplete(viewer as WorldViewer);
    assert.ok((viewer?.received.length ?? 0) > 300);
  }
  world.close();
});

test("[W29] the stack of a neighbour served by an IPv6 group names the whole group", async () => {
  const { world } = await open(3, "multicast(group=ff15::77:1,port=5077)");
  const byGroup = "frag:multicast(group=ff15::77:1,port=5077,ttl=1)";
  assert.deepEqual(waysOf(world), { north: byGroup, south: byGroup, east: byGroup });
  world.close();
});

test("[W29] a neighbour that a group stops reaching is served by its own connection, and loses nothing", async () => {
  const { world, viewers } = await open(2);
  world.groups.deaf.add("south");
  await world.run(3_000);
  assert.deepEqual(waysOf(world), { north: BY_GROUP, south: "frag:udp", east: BY_GROUP });
  world.groups.deaf.delete("south");
  await world.run(3_000);
  assert.deepEqual(waysOf(world), { north: BY_GROUP, south: BY_GROUP, east: BY_GROUP });
  for (const viewer of viewers) assertComplete(viewer);
  world.close();
});

test("[W29] groups fail, sites are killed and restarted, and no viewer loses a packet", async () => {
  for (let seed = 10; seed < 20; seed++) {
    const { world, viewers } = await open(seed);
    const pick = (): string => EDGES[(seed * 7 + Math.floor(world.clock.now())) % 3] as string;
    for (let round = 0; round < 4; round++) {
      const site = pick();
      world.groups.deaf.add(site);
      await world.run(300 + ((seed * 131 + round * 577) % 1_500));
      world.groups.deaf.delete(site);
      await world.run(200 + ((seed * 313 + round * 811) % 1_500));
    }
    world.kill("north");
    await world.run(1_000);
    world.restart("north");
    await world.run(3_000);
    for (const viewer of viewers.slice(1)) assertComplete(viewer);
    assert.equal(waysOf(world)["north"], BY_GROUP);
    world.close();
  }
});

test("where a group reaches no neighbour, its own connection serves, and the channel is complete", async () => {
  const world = new RelayWorld({ seed: 5, reliable: false, stack: STACK });
  world.groups.deaf.add("north");
  for (const name of ["origin", "north"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("north", "clip", ["origin"]);
  new WorldPublisher(world, "origin", "clip");
  await world.run(1_000);
  const viewer = world.addViewer("clip", ["north"]);
  await world.run(4_000);
  assert.deepEqual(waysOf(world), { north: "frag:udp" });
  assertComplete(viewer);
  assert.ok(viewer.received.length > 300);
  world.close();
});
