import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayWorld, WorldPublisher, type WorldViewer } from "./index.ts";

const VIEWERS = 300;

/**
 * `origin`, `home` with a crowd of viewers, and other sites, which admit so many subscribers.
 *
 * @param present viewers that others have already; with it, the others are neighbours of `home`, too
 */
async function crowdAtHome(
  rooms: Readonly<Record<string, number>>,
  seed: number,
  present?: Readonly<Record<string, number>>,
  count = VIEWERS,
) {
  const world = new RelayWorld({ seed, reliable: true });
  const others = Object.keys(rooms);
  for (const name of ["origin", "home", ...others]) world.addSite(name);
  world.openChannel("origin", "clip");
  for (const name of others) world.openChannel(name, "clip", ["origin"]);
  world.openChannel("home", "clip", present === undefined ? ["origin"] : ["origin", ...others]);
  for (const [name, maxSubscribers] of Object.entries(rooms))
    world.site(name).setLimits({ maxSubscribers, maxBitsPerSecond: 1e12 });
  for (const name of ["home", ...others]) {
    const alternatives = others.filter((other) => other !== name);
    world.site(name).setSites(alternatives.map((each) => ({ name: each, url: each })));
  }
  const publisher = new WorldPublisher(world, "origin", "clip", 1);
  for (const [name, count] of Object.entries(present ?? {}))
    for (let viewer = 0; viewer < count; viewer++) world.addViewer("clip", [name]);
  await world.run(present === undefined ? 1_000 : 3_000);
  const viewers = Array.from({ length: count }, () => world.addViewer("clip", ["home"]));
  await world.run(1_000);
  const countAt = (name: string): number =>
    world
      .site(name)
      .snapshot()
      .channels.flatMap(({ subscribers }) => subscribers)
      .filter(({ kind, state }) => kind === "viewer" && state !== "standby").length;
  assert.equal(countAt("home"), count);
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

test("[W37] the crowd spreads by the room that neighbours have left, so that hardly anyone is refused", async () => {
  // Sites that stand by are subscribers, too.
  const rooms = { a: 210, b: 210, c: 210, d: 210 };
  const { world, publisher, viewers, others, countAt } = await crowdAtHome(rooms, 4, {
    ...{ a: 150, b: 100, c: 50, d: 0 },
  });
  const before = others.map(countAt);
  assert.deepEqual(before, [150, 100, 50, 0]);
  world.kill("home");
  await world.run(1_500);
  const came = others.map((name, index) => countAt(name) - (before[index] ?? 0));
  assert.equal(
    came.reduce((sum, each) => sum + each, 0),
    VIEWERS,
    came.join(),
  );
  // As some 55 to 105 to 155 to 205, rounded to two binary digits, give or take four standard deviations.
  for (const [index, room] of [48, 96, 128, 192].entries()) {
    const share = room / 464;
    const slack = 4 * Math.sqrt(VIEWERS * share * (1 - share)) + 1;
    assert.ok(Math.abs((came[index] ?? 0) - VIEWERS * share) < slack, came.join());
  }
  assert.ok(refusals(viewers) < 5, `${refusals(viewers)} refusals`);
  publisher.stop();
  world.close();
});

test("[W37] viewers are told again when another site has filled up", async () => {
  const rooms = { a: 400, b: 400 };
  const { world, publisher, viewers, countAt } = await crowdAtHome(rooms, 5, {}, 60);
  world.site("a").setLimits({ maxSubscribers: 0, maxBitsPerSecond: 1e12 });
  await world.run(14_000, 10);
  world.kill("home");
  await world.run(1_000);
  assert.equal(refusals(viewers), 0);
  assert.deepEqual(["a", "b"].map(countAt), [0, 60]);
  publisher.stop();
  world.close();
});

test("[W37] a site that tells of any room and admits nobody delays no more than its share", async () => {
  const rooms = { a: 210, b: 210, c: 210, liar: 1e6 };
  const { world, publisher, viewers, countAt } = await crowdAtHome(rooms, 6, {});
  world.site("liar").setLimits({ maxSubscribers: 0, maxBitsPerSecond: 1e12 });
  world.kill("home");
  await world.run(1_500);
  assert.equal(countAt("liar"), 0);
  assert.equal(
    ["a", "b", "c"].map(countAt).reduce((sum, each) => sum + each, 0),
    VIEWERS,
  );
  // Four times the room of each of three others.
  const share = 4 / 7;
  const refused = refusals(viewers);
  assert.ok(refused > 0 && refused < VIEWERS * share * 1.25, `${refused} refusals`);
  publisher.stop();
  await world.run(500);
  for (const { client, received } of viewers) {
    assert.equal(client.stats.packetsLost, 0);
    assert.equal(new Set(received).size, received.length);
  }
  world.close();
});
