import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { accountOf, RelayWorld, type RelayWorldOptions, WorldPublisher } from "./index.ts";

const KEY = "the key after that";

/** origin > north > south, and `rogue` behind origin. */
function world(options: RelayWorldOptions): { world: RelayWorld; publisher: WorldPublisher } {
  const world = new RelayWorld(options);
  for (const name of ["origin", "north", "south", "rogue"]) world.addSite(name);
  world.openChannel("origin", "clip");
  world.openChannel("north", "clip", ["origin"]);
  world.openChannel("south", "clip", ["north", "origin"]);
  world.openChannel("rogue", "clip", ["origin"]);
  return { world, publisher: new WorldPublisher(world, "origin", "clip") };
}

for (const options of [
  { seed: 11, reliable: true },
  { seed: 12, reliable: true, stack: "crypt:memory" },
  { seed: 13, reliable: false, stack: "crypt:memory", lossRatio: 0.02 },
  { seed: 14, reliable: false, stack: "crypt(renew=64):memory" },
]) {
  const kind = `${options.stack ?? "plain"}, ${options.reliable ? "reliable" : "lossy"}`;

  test(`[W49] a site that is put out gets no more packets, and the others lose none, ${kind}`, async () => {
    const { world: session, publisher } = world(options);
    await session.run(2_000);
    const viewer = session.addViewer("clip", ["south"], false);
    const spy = session.addViewer("clip", ["rogue"], false);
    await session.run(2_000);
    const before = spy.received.length;
    assert.ok(before > 100, `the spy saw ${before} packets`);
    const expelled = [session.runOf("rogue")];
    // Each site hears of it at another time.
    for (const site of ["origin", "south", "north"]) {
      session.rekey(site, KEY, expelled);
      await session.run(120);
    }
    const after = spy.received.length;
    await session.run(5_000);
    assert.equal(spy.received.length, after);
    const down = session.events.find(
      (event) => event.type === "peer-down" && event.site === "origin" && event.name === "rogue",
    );
    assert.match(down?.type === "peer-down" ? down.reason : "", /put out/);
    // With the old key it does not come back, under no name.
    assert.ok(
      (session.site("origin").snapshot().drops["untrusted-site"] ?? 0) > 0 || options.stack,
    );
    await session.run(LIMITS.linkProofMs);
    assert.equal(spy.received.length, after);
    publisher.stop();
    await session.run(1_000);
    const { received, ...wrong } = accountOf(viewer);
    assert.ok(received > 500);
    assert.deepEqual(wrong, { missing: 0, repeated: 0 });
    const lost = session.events.filter(
      (event) => event.type === "peer-down" && event.name !== "rogue" && event.site !== "rogue",
    );
    assert.deepEqual(lost, []);
    session.close();
  });
}

test("[W49] a site that is cut off from the leader keeps its links until it is too late", async () => {
  const { world: session } = world({ seed: 15, reliable: true });
  await session.run(2_000);
  for (const site of ["origin", "north", "rogue"]) session.rekey(site, KEY);
  const downs = (): string[] =>
    session.events.flatMap((event) =>
      event.type === "peer-down" ? [`${event.site} ${event.name}: ${event.reason}`] : [],
    );
  await session.run(LIMITS.linkProofMs - 6_000);
  assert.deepEqual(downs(), []);
  // In time: nothing happens.
  session.rekey("south", KEY);
  await session.run(10_000);
  assert.deepEqual(downs(), []);
  for (const site of ["origin", "north", "rogue"]) session.rekey(site, "a third key");
  await session.run(LIMITS.linkProofMs + 100);
  assert.deepEqual(
    downs().filter((down) => down.startsWith("north")),
    ["north south: the other end does not know the session's link key of today"],
  );
  session.close();
});
