import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayWorld, WorldPublisher } from "../../sim/index.ts";

const CHAIN = ["source", "a", "b", "c"] as const;

/** A line of sites, each with one source and no alternative; somebody watches at its end. */
async function line(seed: number): Promise<RelayWorld> {
  const world = new RelayWorld({ seed, reliable: true, latencyMs: 2 });
  for (const name of CHAIN) world.addSite(name);
  world.openChannel("source", "clip");
  for (const [index, name] of CHAIN.entries()) {
    const from = CHAIN[index - 1];
    if (from !== undefined) world.openChannel(name, "clip", [from], { ingests: ["source"] });
  }
  new WorldPublisher(world, "source", "clip");
  await world.run(2_000);
  world.addViewer("clip", ["c"]);
  await world.run(2_000);
  return world;
}

function told(world: RelayWorld, site: string) {
  const [channel] = world.site(site).snapshot().channels;
  assert.ok(channel !== undefined);
  const { inputs, stalled, switches = [], ways = [] } = channel;
  return {
    ...{ inputs, stalled, switches },
    changes: switches.map(({ from, reason, to }) => `${from} > ${to}: ${reason}`),
    ways: ways.map(({ path }) => path.join(" ")),
    times: ways.map(({ at }) => at),
  };
}

test("a channel tells the ways that it took, since when, and why its source changed", async () => {
  const world = await line(1);
  assert.deepEqual(told(world, "c").ways, ["source a b c"]);
  const killed = world.clock.now();
  world.kill("b");
  await world.run(1_000);
  world.restart("b");
  await world.run(8_000);
  const { changes, times, ways } = told(world, "c");
  assert.deepEqual(ways, ["source a b c", "source a c", "source a b c"]);
  const [, left = 0, returned = 0] = times;
  assert.ok(left >= killed && left <= killed + 500, `left after ${left - killed} ms`);
  assert.ok(returned >= killed + 6_000, `back after ${returned - killed} ms`);
  assert.equal(changes[0], "undefined > b: first choice");
  assert.match(changes[1] ?? "", /^b > a: /);
  assert.equal(changes.at(-1), "a > b: a preferred alternative is back");
  const origin = told(world, "c").inputs.find(({ name }) => name === "b")?.origin;
  assert.deepEqual([origin?.kind, origin?.lost, origin?.heldBackMs], ["configured", 1, 5_000]);
  world.close();
});

test("a channel that did not arrive for a while tells so among its ways", async () => {
  const world = await line(2);
  for (const other of CHAIN.slice(0, 3)) {
    world.cut("c", other);
    world.cut(other, "c");
  }
  await world.run(3_000);
  assert.ok((told(world, "c").stalled?.forMs ?? 0) > 2_000);
  world.heal();
  await world.run(8_000);
  const { stalled, ways } = told(world, "c");
  assert.equal(stalled, undefined);
  assert.equal(ways[1], "");
  assert.equal(ways.at(-1), "source a b c");
  world.close();
});

test("why a channel has not arrived begins with the cause, and names each kind of trouble once", async () => {
  const world = await line(5);
  world.kill("source");
  await world.run(4_000);
  const reasons = ["a", "b", "c"].map((site) => told(world, site).stalled?.reason ?? "");
  for (const reason of reasons) {
    assert.match(reason, /^source cannot be reached, [abc]( and [abc])? (do|does) not have it$/);
  }
  world.close();
});

test("what is remembered of ways is bounded", async () => {
  const world = await line(3);
  for (let round = 0; round < 12; round++) {
    for (const order of [["a"], ["b"]]) {
      world.openChannel("c", "clip", order, { ingests: ["source"] });
      await world.run(400);
    }
  }
  const { switches, ways } = told(world, "c");
  assert.equal(switches.length, 16);
  assert.equal(ways.length, 16);
  world.close();
});

test("a source that is silent for a moment and stays the source is no change", async () => {
  const world = await line(4);
  for (const other of CHAIN.slice(0, 3)) {
    world.cut("c", other);
    world.cut(other, "c");
  }
  await world.run(600);
  world.heal();
  await world.run(3_000);
  const { changes, switches } = told(world, "c");
  assert.deepEqual(
    switches.filter(({ from, to }) => from === to),
    [],
    changes.join("\n"),
  );
  world.close();
});
