import assert from "node:assert/strict";
import { test } from "node:test";
import { BYE, ScriptedWorld } from "./scripted-sites.test.support.ts";

/** A viewer at `b`, which gets the channel from `a`; other sites as named, which have nothing. */
async function watching(others: readonly string[] = [], seed = 1): Promise<ScriptedWorld> {
  const world = new ScriptedWorld(["b", ...others], seed);
  world.site("b").arrives("a", "b");
  for (const name of others) {
    world.site(name).hasFeed = false;
    world.site(name).stalls("a does not answer", ["a"]);
  }
  world.client.start();
  await world.run(2_000);
  assert.equal(world.state?.type, "live");
  assert.ok(world.received.length > 50);
  return world;
}

/** The way to `b` is lost. */
function lose(world: ScriptedWorld): void {
  world.site("b").hasFeed = false;
  world.site("b").stalls("a does not answer", ["a", "c"]);
}

test("[W48] a viewer is told at once that the channel does not arrive at its site, since when, why, and what is tried", async () => {
  const world = await watching();
  const from = world.states.length;
  lose(world);
  await world.run(100);
  const { at: _, ...told } = world.states.at(-1) ?? { at: 0 };
  const expected = { site: "b", forMs: 0, reason: "a does not answer", trying: ["a", "c"] };
  assert.deepEqual(told, { type: "stalled", ...expected });
  await world.run(5_000);
  assert.deepEqual(world.statesFrom(from), ["stalled"], "it is told once");
  assert.ok(Math.abs((world.client.stats.stalledMs ?? 0) - 5_100) < 50);

  world.site("b").stalls("a does not answer", ["d"]);
  await world.run(100);
  assert.equal(world.states.length, from + 2, "what is tried has changed");

  world.site("b").hasFeed = true;
  await world.run(100);
  assert.deepEqual(world.state?.type, "live", "with the first packet");
  assert.equal(world.client.stats.stalledMs, undefined);
});

test("[W48] a viewer that comes to a site without a way is told so, and is not deceived by what the site kept", async () => {
  const world = new ScriptedWorld(["b"]);
  world.site("b").stalls("a does not answer", ["a"]);
  await world.run(10_000);
  world.client.start();
  await world.run(200);
  assert.equal(world.state?.type, "stalled");
  await world.run(2_000);
  assert.ok(world.received.length > 50, "history came");
  assert.equal(world.state?.type, "stalled");
  world.site("b").arrives("a", "b");
  await world.run(50);
  assert.equal(world.state?.type, "live");
});

test("[W48] a source that pauses is not a lost way, for as long as the site names its path", async () => {
  const world = await watching(["c"]);
  const from = world.states.length;
  world.feed.isSending = false;
  await world.run(20_000);
  assert.deepEqual(world.statesFrom(from), []);
  assert.equal(world.site("c").dialled, 0);
});

test("[W48] silence of a continuous medium and an empty path are a stall, without a word from the site", async () => {
  const world = await watching();
  const from = world.states.length;
  world.site("b").hasFeed = false;
  world.site("b").arrives();
  await world.run(900);
  assert.deepEqual(world.statesFrom(from), []);
  await world.run(300);
  assert.equal(world.state?.type, "stalled");
  world.site("b").hasFeed = true;
  await world.run(50);
  assert.equal(world.state?.type, "live");
});

test("[W48] so is silence where the site no longer tells any path", async () => {
  const world = await watching();
  world.site("b").hasFeed = false;
  world.site("b").isMute();
  await world.run(4_000);
  assert.equal(world.state?.type, "stalled");
});

test("[W48] a medium of which packets are far apart is waited for longer", async () => {
  const world = await watching();
  world.site("b").arrives();
  for (let second = 0; second < 6; second++) {
    world.feed.isSending = second % 2 === 0;
    await world.run(900);
  }
  assert.ok(world.states.every(({ type }) => type !== "stalled"));
});

test("[W48] a source that said goodbye is not missed", async () => {
  const world = await watching();
  world.site("b").send(BYE);
  world.site("b").hasFeed = false;
  world.site("b").arrives();
  await world.run(10_000);
  world.site("b").stalls("no site is known to have it");
  await world.run(10_000);
  assert.equal(world.state?.type, "live");
  world.site("b").arrives("a", "b");
  world.site("b").hasFeed = true;
  await world.run(1_000);
  lose(world);
  await world.run(100);
  assert.equal(world.state?.type, "stalled", "another source may lose its way again");
});

test("[W48] while its site has no way, a viewer asks others, and stays where the channel arrives, without a break", async () => {
  const world = await watching(["c", "d"]);
  world.site("d").arrives("a", "d");
  world.site("d").hasFeed = true;
  const from = world.states.length;
  lose(world);
  await world.run(4_000);
  assert.deepEqual(world.statesFrom(from), ["stalled", "live"]);
  const [lost, live] = world.states.slice(from);
  assert.ok(live?.type === "live" && live.site === "d");
  assert.ok(live.at - (lost?.at ?? 0) >= 1_000, "it waits a second first");
  assert.equal(world.site("b").connected, 0);
  assert.equal(world.site("c").connected, 0, "which has nothing either");
  assert.equal(world.site("d").forwarding, 1);

  // And it stays there.
  world.site("b").hasFeed = true;
  world.site("b").arrives("a", "b");
  const before = world.received.length;
  await world.run(10_000);
  assert.deepEqual(world.statesFrom(from), ["stalled", "live"]);
  assert.equal(world.received.length - before, 500);
});

test("[W48] a site that would have the channel if it were wanted is asked to forward it before the first one is left", async () => {
  const world = await watching(["c"]);
  const c = world.site("c");
  c.idle = ["a", "c"];
  c.hasFeed = true;
  c.arrives("a", "c");
  lose(world);
  await world.run(4_000);
  assert.equal(world.where, "live c");
  assert.equal(world.site("b").connected, 0);
});

test("[W48] a site whose promise is empty is left again, and the first one has been kept", async () => {
  const world = await watching(["c"]);
  world.site("c").idle = ["a", "c"];
  const from = world.states.length;
  lose(world);
  await world.run(6_000);
  assert.deepEqual(world.statesFrom(from), ["stalled"]);
  assert.ok(world.site("c").dialled > 0);
  world.site("b").hasFeed = true;
  world.site("b").arrives("a", "b");
  await world.run(500);
  assert.equal(world.where, "live b");
  assert.equal(world.site("b").connected, 1);
  await world.run(3_000);
  assert.equal(world.site("c").connected, 0);
});

test("[W48] sites that have nothing either are asked ever more rarely, and all is as before when the way is back", async () => {
  const world = await watching(["c", "d"]);
  const from = world.states.length;
  lose(world);
  await world.run(10_000);
  const early = world.site("c").dialled + world.site("d").dialled;
  await world.run(110_000);
  const all = world.site("c").dialled + world.site("d").dialled;
  assert.ok(early >= 4 && early <= 12, `${early} attempts in 10 s`);
  assert.ok(all - early <= 12, `${all - early} attempts in 110 s more`);
  assert.deepEqual(world.statesFrom(from), ["stalled"]);
  assert.equal(world.site("b").connected, 1);

  const back = world.clock.now();
  world.site("b").hasFeed = true;
  world.site("b").arrives("a", "b");
  await world.run(500);
  const live = world.states.at(-1);
  assert.ok(live?.type === "live" && live.site === "b" && live.at - back < 100);
  assert.equal(world.site("b").forwarding, 1);
  assert.equal(world.site("c").connected + world.site("d").connected, 0);
});

test("[W48] a site that refuses, or is dead, is passed over", async () => {
  const world = await watching(["c", "d", "e"]);
  world.site("c").isAlive = false;
  world.site("d").refusal = "admission-refused";
  world.site("e").hasFeed = true;
  world.site("e").arrives("a", "e");
  const from = world.states.length;
  lose(world);
  await world.run(6_000);
  assert.deepEqual(world.statesFrom(from), ["stalled", "live"]);
  assert.equal(world.site("e").forwarding, 1);
});

test("[W48] when a site dies whose way was lost, the viewer goes on to another, as it would without", async () => {
  const world = await watching(["c"]);
  lose(world);
  await world.run(3_000);
  world.site("b").die();
  await world.run(3_000);
  assert.equal(world.where, "stalled c");
  world.site("c").hasFeed = true;
  world.site("c").arrives("a", "c");
  await world.run(200);
  assert.equal(world.where, "live c");
});

for (let seed = 1; seed <= 20; seed++) {
  test(`[W48] wherever the way comes back first, the viewer is there within a second or so, and has lost nothing since (seed ${seed})`, async () => {
    const world = await watching(["c", "d"], seed);
    const ms = 500 + seed * 311;
    lose(world);
    await world.run(ms);
    const name = ["b", "c", "d"][seed % 3] as string;
    world.site(name).hasFeed = true;
    world.site(name).arrives("a", name);
    // Other sites are asked with pauses.
    await world.run(name === "b" ? 1_000 : 15_000);
    assert.equal(world.where, `live ${name}`);
    assert.equal(world.client.stats.stalledMs, undefined);
    const before = world.received.length;
    await world.run(2_000);
    assert.equal(world.received.length - before, 100);
    const total = world.site("b").connected + world.site("c").connected + world.site("d").connected;
    assert.equal(total, 1);
  });
}
