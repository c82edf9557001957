import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayWorld, WorldPublisher } from "./index.ts";

test("[W48] a publisher that ends in order leaves no stalled channel", async () => {
  const world = new RelayWorld({ seed: 3, reliable: true });
  for (const name of ["a", "b"]) world.addSite(name);
  world.openChannel("a", "clip");
  world.openChannel("b", "clip", ["a"]);
  const publisher = new WorldPublisher(world, "a", "clip");
  await world.run(2_000);
  const viewers = ["a", "b"].map((site) => world.addViewer("clip", [site]));
  await world.run(2_000);
  publisher.end();
  await world.run(10_000);
  const newcomer = world.addViewer("clip", ["b"]);
  await world.run(3_000);
  for (const { states } of [...viewers, newcomer])
    assert.deepEqual(
      states.map(({ type }) => type),
      ["connecting", "live"],
    );
  const again = new WorldPublisher(world, "a", "clip", 3, 20_000);
  await world.run(1_000);
  for (const { received, states } of [...viewers, newcomer]) {
    assert.ok(received.length > 60);
    assert.equal(states.length, 2);
  }
  again.stop();
  world.close();
});

for (const reliable of [true, false]) {
  const kind = reliable ? "streams" : "datagrams";

  test(`[W48] a viewer is told within a second that its site has lost the only way, and within one that it is back, over ${kind}`, async () => {
    const world = new RelayWorld({ seed: 1, reliable });
    for (const name of ["a", "b"]) world.addSite(name);
    world.openChannel("a", "clip");
    world.openChannel("b", "clip", ["a"]);
    const publisher = new WorldPublisher(world, "a", "clip");
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["b"]);
    await world.run(2_000);
    const from = viewer.states.length;

    publisher.stop();
    world.kill("a");
    await world.run(1_000);
    const told = viewer.states.at(-1);
    assert.ok(told?.type === "stalled" && told.site === "b", told?.type);
    assert.deepEqual(told.trying, ["a"]);
    assert.match(told.reason, /\ba\b/);
    await world.run(5_000);
    assert.ok((viewer.client.stats.stalledMs ?? 0) > 5_000);

    world.restart("a");
    const again = new WorldPublisher(world, "a", "clip", 3, 20_000);
    const back = world.clock.now();
    const received = viewer.received.length;
    while (viewer.received.length === received && world.clock.now() < back + 5_000)
      await world.run(20);
    await world.run(20);
    assert.equal(viewer.states.at(-1)?.type, "live", "with the first packet");
    assert.ok(world.clock.now() - back < 1_000, `${world.clock.now() - back} ms`);
    // What is tried, and why, changes while the way is being found.
    const between = new Set(viewer.states.slice(from, -1).map(({ type }) => type));
    assert.deepEqual([...between], ["stalled"]);
    again.stop();
    world.close();
  });

  test(`[W48] a viewer whose site has lost its only way finds a site on demand that has one, over ${kind}`, async () => {
    const world = new RelayWorld({ seed: 2, reliable });
    for (const name of ["a", "b", "c", "m"]) world.addSite(name);
    world.openChannel("a", "clip");
    world.openChannel("m", "clip", ["a"]);
    world.openChannel("b", "clip", ["m"]);
    world.openChannel("c", "clip", ["a"], { keep: false });
    world.site("b").setSites([{ name: "c", url: "c" }]);
    const publisher = new WorldPublisher(world, "a", "clip");
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["b"]);
    await world.run(2_000);
    // No way around is allowed to b.
    for (const other of ["a", "c"]) {
      world.cut(other, "b");
      world.cut("b", other);
    }
    world.kill("m");
    await world.run(5_000);
    const last = viewer.states.at(-1);
    assert.ok(last?.type === "live" && last.site === "c", JSON.stringify(last));
    assert.deepEqual(viewer.client.stats.path, ["a", "c"]);
    publisher.stop();
    await world.run(1_000);
    assert.equal(viewer.client.stats.packetsLost, 0);
    const distinct = new Set(viewer.received);
    assert.equal(distinct.size, viewer.received.length, "nothing twice");
    world.close();
  });
}
