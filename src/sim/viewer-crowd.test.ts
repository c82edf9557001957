import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayWorld, WorldPublisher, type WorldViewer } from "./index.ts";

const VIEWERS = 300;

/** `origin`, `home` with a crowd of viewers, and other sites, which admit so many subscribers. */
async function crowdAtHome(rooms: Readonly<Record<string, number>>, seed: number) {
  const world = new RelayWorld({ seed, reliable: true });
  const others = Object.keys(rooms);
  for (const name of ["origin", "home", ...others]) world.addSite(name);
  world.openChannel("origin", "clip");
  for (const name of ["home", ...others]) world.openChannel(name, "clip", ["origin"]);
  for (const [name, maxSubscribers] of Object.entries(rooms))
    world.site(name).setLimits({ maxSubscribers, maxBitsPerSecond: 1e12 });
  for (const name of ["home", ...others]) {
    const alternatives = others.filter((other) => other !== name);
    world.site(name).setSites(alternatives.map((each) => ({ name: each, url: each })));
  }
  const publisher = new WorldPublisher(world, "origin", "clip", 1);
  await world.run(1_000);
  const viewers = Array.from({ length: VIEWERS }, () => world.addViewer("clip", ["home"]));
  await world.run(1_000);
  const countAt = (name: string): number =>
    world
      .site(name)
      .snapshot()
      .channels.flatMap(({ subscribers }) => subscribers)
      .filter(({ kind, state }) => kind === "viewer" && state !== "standby").length;
  assert.equal(countAt("home"), VIEWERS);
  return { world, publisher, viewers, others, countAt };
}

function refusals(viewers: readonly WorldViewer[]): number {
  return viewers.flatMap(({ states }) => states).filter(({ type }) => type === "refused").length;
}

test("[W24] the crowd of a dead site spreads over the others within a second, and loses nothing", async () => {
  const { world, publisher, viewers, others, countAt } = await crowdAtHome(
    { a: 1_000, b: 1_000, c: 1_000, d: 1_000 },
    1,
  );
  world.kill("home");
  await world.run(1_000);
  const counts = others.map(countAt);
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0),
    VIEWERS,
  );
  for (const count of counts) assert.ok(count > 40 && count < 110, counts.join());
  assert.equal(refusals(viewers), 0);
  publisher.stop();
  await world.run(500);
  for (const { client, received } of viewers) {
    assert.equal(client.stats.packetsLost, 0);
    assert.equal(new Set(received).size, received.length);
  }
  world.close();
});

test("[W24] no site gets more than it admits: who is refused tries the next, and all are served", async () => {
  const rooms = { a: 40, b: 60, c: 90, d: 150 };
  const { world, publisher, viewers, others, countAt } = await crowdAtHome(rooms, 2);
  world.kill("home");
  await world.run(3_000);
  const counts = others.map(countAt);
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0),
    VIEWERS,
    counts.join(),
  );
  for (const [index, room] of Object.values(rooms).entries())
    assert.ok((counts[index] ?? 0) <= room, counts.join());
  assert.ok(refusals(viewers) > 0, "the limits mattered");
  assert.ok(viewers.every(({ states }) => states.at(-1)?.type === "live"));
  publisher.stop();
  world.close();
});

test("[W24] where the others have not enough room, those without a place ask ever more rarely", async () => {
  const { world, publisher, viewers, others, countAt } = await crowdAtHome({ a: 100, b: 100 }, 3);
  world.kill("home");
  await world.run(2_000);
  const early = refusals(viewers);
  await world.run(4_000);
  const later = refusals(viewers) - early;
  assert.deepEqual(others.map(countAt), [100, 100]);
  // 100 viewers have no place; each asks about every second by then.
  assert.ok(later < 100 * 4 * 2, `${later} refusals in 4 s`);
  publisher.stop();
  world.close();
});
