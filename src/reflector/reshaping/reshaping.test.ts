import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accountOf,
  longestGap,
  RelayWorld,
  WorldPublisher,
  type WorldViewer,
} from "../../sim/index.ts";

const CHAIN = ["source", "a", "b", "c", "d"] as const;

/** A line of sites, each with one source and no alternative. */
function line(seed: number, reliable = true): { world: RelayWorld; publisher: WorldPublisher } {
  const world = new RelayWorld({ seed, reliable, latencyMs: 2 });
  for (const name of CHAIN) world.addSite(name);
  world.openChannel("source", "clip");
  for (const [index, name] of CHAIN.entries()) {
    const from = CHAIN[index - 1];
    if (from !== undefined) world.openChannel(name, "clip", [from], { ingests: ["source"] });
  }
  return { world, publisher: new WorldPublisher(world, "source", "clip") };
}

function pathOf({ client }: WorldViewer): string {
  return client.stats.path.join(" ");
}

function assertComplete(viewer: WorldViewer, atLeast: number): void {
  const { received, ...wrong } = accountOf(viewer);
  assert.ok(received >= atLeast, `expected at least ${atLeast} packets, got ${received}`);
  assert.deepEqual(wrong, { missing: 0, repeated: 0 });
}

for (const reliable of [true, false]) {
  const links = reliable ? "streams" : "datagrams";

  test(`behind a relay that is killed, and returns, nothing is lost, with no alternative configured (${links})`, async () => {
    const { world, publisher } = line(1, reliable);
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["c"]);
    await world.run(2_000);
    assert.equal(pathOf(viewer), "source a b c");
    const killed = world.clock.now();
    world.kill("b");
    await world.run(2_000);
    assert.equal(pathOf(viewer), "source a c");
    assert.ok(longestGap(viewer, killed) <= 250, `a gap of ${longestGap(viewer, killed)} ms`);
    world.restart("b");
    const returned = world.clock.now();
    await world.run(8_000);
    assert.equal(pathOf(viewer), "source a b c");
    assert.ok(longestGap(viewer, returned) <= 60, `a gap of ${longestGap(viewer, returned)} ms`);
    publisher.stop();
    await world.run(600);
    assertComplete(viewer, 1_000);
    world.close();
  });

  test(`a relay that is cut off from both sides is gone around, and used again (${links})`, async () => {
    const { world, publisher } = line(2, reliable);
    await world.run(2_000);
    const viewer = world.addViewer("clip", ["d"]);
    await world.run(2_000);
    const at = world.clock.now();
    for (const other of CHAIN) {
      if (other === "b") continue;
      world.cut("b", other);
      world.cut(other, "b");
    }
    await world.run(3_000);
    assert.equal(pathOf(viewer), "source a c d");
    assert.ok(longestGap(viewer, at) <= 250, `a gap of ${longestGap(viewer, at)} ms`);
    world.heal();
    // b receives it from c at first, and from a as soon as that has been well for 5 s; then c returns to b.
    await world.run(13_000);
    assert.equal(pathOf(viewer), "source a b c d");
    publisher.stop();
    await world.run(600);
    assertComplete(viewer, 1_000);
    world.close();
  });
}

test("two relays in a row that die at once are gone around", async () => {
  const { world, publisher } = line(3);
  await world.run(3_000);
  const viewer = world.addViewer("clip", ["d"]);
  await world.run(2_000);
  world.kill("b");
  world.kill("c");
  await world.run(4_000);
  assert.match(pathOf(viewer), /^source( a)? d$/);
  for (const name of ["b", "c"]) world.restart(name);
  await world.run(12_000);
  assert.equal(pathOf(viewer), "source a b c d");
  publisher.stop();
  await world.run(600);
  assertComplete(viewer, 1_000);
  world.close();
});

test("a site that knows nobody else finds where the channel is ingested in the directory", async () => {
  const { world } = line(4);
  await world.run(2_000);
  world.kill("c");
  world.kill("d");
  await world.run(500);
  world.restart("d");
  const viewer = world.addViewer("clip", ["d"]);
  await world.run(3_000);
  assert.match(pathOf(viewer), /^source( [ab])* d$/);
  world.close();
});

test("each site names where it learned its alternatives", async () => {
  const { world } = line(5);
  await world.run(3_000);
  const [channel] = world.site("c").snapshot().channels;
  const inputs = channel?.inputs.map(({ name, origin, state }) => [name, origin?.kind, state]);
  assert.deepEqual(inputs, [
    ["b", "configured", "active"],
    ["a", "learned", "standby"],
    ["source", "learned", "standby"],
  ]);
  const learned = channel?.inputs[1]?.origin;
  assert.ok(learned?.kind === "learned" && learned.from === "b" && learned.agoMs < 11_000);
  world.close();
});

test("a relay that comes and goes is preferred less each time, and that is said", async () => {
  const { world, publisher } = line(6);
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["c"]);
  await world.run(1_000);
  for (let round = 0; round < 5; round++) {
    world.kill("b");
    await world.run(1_500);
    world.restart("b");
    await world.run(1_500);
  }
  await world.run(12_000);
  assert.equal(pathOf(viewer), "source a c", "it is held back");
  const said = world.events.filter(({ site, type }) => site === "c" && type === "peer-unsteady");
  assert.ok(said.length >= 1 && said.length <= 5);
  publisher.stop();
  await world.run(300);
  assertComplete(viewer, 1_000);
  world.close();
});

test("a publisher that pauses sets nothing in motion; a relay that withholds what it receives is left", async () => {
  const { world, publisher } = line(7);
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["d"]);
  await world.run(1_000);
  publisher.stop();
  await world.run(6_000);
  assert.equal(pathOf(viewer), "source a b c d");
  const again = new WorldPublisher(world, "source", "clip", 3, 20_000);
  await world.run(1_000);
  assert.equal(pathOf(viewer), "source a b c d");
  again.stop();
  world.close();
});

test("a channel that has lost its only way says so, and is as before when it returns", async () => {
  const { world, publisher } = line(8);
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["d"]);
  await world.run(1_000);
  world.kill("source");
  await world.run(1_000);
  assert.equal(pathOf(viewer), "");
  const stalled = world.site("a").snapshot().channels[0]?.stalled;
  assert.match(stalled?.reason ?? "", /source cannot be reached/);
  assert.ok((stalled?.forMs ?? 0) > 300);
  publisher.stop();
  world.restart("source");
  new WorldPublisher(world, "source", "clip", 3, 30_000);
  await world.run(1_500);
  assert.match(pathOf(viewer), /^source/);
  assert.ok(viewer.received.some((sequence) => sequence >= 30_000 && sequence < 30_200));
  world.close();
});

test("what a neighbour tells is bounded, and cannot lead in circles", async () => {
  const { world } = line(9);
  await world.run(2_000);
  // d's clients are told to c as its own sources would be: c never receives from its own client.
  const inputs = world.site("c").snapshot().channels[0]?.inputs ?? [];
  assert.ok(!inputs.some(({ name }) => name === "d" || name === "c"));
  world.kill("b");
  world.kill("a");
  world.kill("source");
  await world.run(6_000);
  for (const name of ["c", "d"]) {
    const channel = world.site(name).snapshot().channels[0];
    assert.deepEqual(channel?.path, [], `${name} has no way`);
    assert.ok((channel?.drops["loop"] ?? 0) <= 3);
  }
  world.close();
});

test("a channel that nobody publishes has not stalled", async () => {
  const { world, publisher } = line(10);
  publisher.stop();
  world.openChannel("source", "quiet");
  world.openChannel("a", "quiet", ["source"]);
  const viewer = world.addViewer("quiet", ["a"]);
  await world.run(4_000);
  for (const name of ["source", "a"]) {
    const channel = world
      .site(name)
      .snapshot()
      .channels.find((each) => each.name === "quiet");
    assert.equal(channel?.stalled, undefined, name);
  }
  assert.ok(viewer.states.every(({ type }) => type !== "stalled"));
  world.close();
});

test("a site that says it leaves, and stays, is left and used again", async () => {
  const { world, publisher } = line(11);
  await world.run(2_000);
  const viewer = world.addViewer("clip", ["c"]);
  await world.run(1_000);
  // Its departure finds no end: the process goes on.
  for (const name of CHAIN) world.site(name).setSites([{ name: "x", url: "x" }]);
  void world.site("b").depart(200);
  await world.run(1_000);
  assert.equal(pathOf(viewer), "source a c");
  await world.run(20_000);
  publisher.stop();
  await world.run(600);
  assertComplete(viewer, 1_500);
  world.close();
});
