import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { LEADER_CALLER } from "../directory/index.ts";
import type { Durability } from "../stream/index.ts";
import { ControlWorld } from "./control-world.test.support.ts";
import { NEVER, refuse, type ScriptedSite } from "./scripted-site.test.support.ts";

const MESSAGE: Durability = { type: "message" };
const CHECKPOINT: Durability = { type: "checkpoint", every: 10 };
const NONE: Durability = { type: "none" };

function keep(site: ScriptedSite, id: number, state: string): void {
  site.kept.set(id, { streamEpoch: 1, state });
}

function stateAt(site: ScriptedSite, id: number): string | undefined {
  return site.residents.get(id)?.state;
}

test("a site that is seen to have ended is replaced at once, by the first failure manager that lives", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  const failureManagers = ["south", "west"];
  const { id } = await world.create("one", "north", { failureManagers });
  await world.create("two", "north");
  world.kill(world.site("south"));
  await world.quiet();
  world.kill(world.site("north"));
  await world.quiet();
  assert.equal(await world.where("one"), "west#2");
  assert.equal(await world.where("two"), "origin#2");
  assert.equal(stateAt(world.site("west"), id), "recovered from record");
  assert.equal(await world.directory.get("sites/north"), undefined);
  const [command] = world.site("west").commandsOf("recover");
  assert.equal(command?.lostSite, "north");
  assert.deepEqual(command?.record, await world.record("one"));
  assert.ok(world.events.some((event) => event.type === "recovered" && event.to === "west"));
});

test("the keeper's record is fetched under the new streamEpoch, and brought to the site that takes over", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  const failureManagers = ["south", "west"];
  const durability = MESSAGE;
  const { id } = await world.create("one", "north", { failureManagers, durability });
  keep(world.site("south"), id, "c3RhdGU=");
  world.site("south").script = ({ type }) => (type === "recover" ? refuse("site-full") : undefined);
  world.kill(world.site("north"));
  await world.quiet();
  assert.equal(await world.where("one"), "west#3");
  assert.equal(stateAt(world.site("west"), id), "recovered from c3RhdGU=");
  assert.deepEqual(world.site("south").commandsOf("record-fetch"), [
    { type: "record-fetch", id, streamEpoch: 3 },
  ]);
});

test("a keeper that takes over itself uses the record it keeps", async () => {
  await using world = await ControlWorld.make("north", "south");
  for (const [name, durability] of [
    ["m", MESSAGE],
    ["c", CHECKPOINT],
  ] as const) {
    const { id } = await world.create(name, "north", { failureManagers: ["south"], durability });
    keep(world.site("south"), id, name);
  }
  world.kill(world.site("north"));
  await world.quiet();
  const states = world
    .site("south")
    .commandsOf("recover")
    .map(({ state }) => state);
  assert.deepEqual(states, [null, null]);
  assert.equal(stateAt(world.site("south"), 1), "recovered from m");
  assert.equal(stateAt(world.site("south"), 2), "recovered from c");
});

test("with its keeper away, a stream with durability message waits for it, and says so", async () => {
  await using world = await ControlWorld.make("north", "south");
  const options = { failureManagers: ["south"], durability: MESSAGE };
  const { id } = await world.create("one", "north", options);
  keep(world.site("south"), id, "c3RhdGU=");
  world.kill(world.site("south"));
  world.kill(world.site("north"));
  await world.advance(60_000);
  const waits = "north#1 lost: waits for south, which keeps its record";
  assert.equal(await world.where("one"), waits);
  await assert.rejects(world.move("one", "origin"), { code: "stream-lost" });
  await assert.rejects(world.attach("one", "a"), /waits for south, which keeps its record/);
  await world.join("south");
  await world.quiet();
  assert.equal(await world.where("one"), "south#2");
  assert.equal(stateAt(world.site("south"), id), "recovered from c3RhdGU=");
});

test("a checkpoint is waited for as long as its keeper is a member", async () => {
  await using world = await ControlWorld.make("north", "south");
  const options = { failureManagers: ["south"], durability: CHECKPOINT };
  await world.create("one", "north", options);
  world.disconnect(world.site("south"));
  world.kill(world.site("north"));
  await world.advance(5_000);
  assert.match(await world.where("one"), /^north#1 lost: waits for south/);
  await world.advance(LIMITS.leaseMs);
  assert.equal(await world.where("one"), "origin#2");
});

test("a silent site keeps streams without a record until its lease runs out, and loses the others after two seconds", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("m", "north", { durability: MESSAGE });
  await world.create("c", "north", { durability: CHECKPOINT });
  await world.create("n", "north", { durability: NONE });
  const where = async (): Promise<string[]> =>
    await Promise.all(["m", "c", "n"].map((name) => world.where(name)));
  world.site("north").frozen = true;
  await world.advance(1_500);
  assert.deepEqual(await where(), ["north#1", "north#1", "north#1"]);
  await world.advance(1_100);
  assert.deepEqual(await where(), ["origin#2", "north#1", "north#1"]);
  await world.advance(11_000);
  assert.deepEqual(await where(), ["origin#2", "north#1", "north#1"]);
  await world.advance(3_000);
  assert.deepEqual(await where(), ["origin#2", "origin#2", "origin#2"]);
});

test("the same holds for a site whose connection ended though its port accepts connections", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("m", "north", { durability: MESSAGE });
  await world.create("n", "north", { durability: NONE });
  world.disconnect(world.site("north"));
  await world.advance(1_500);
  assert.equal(await world.where("m"), "north#1");
  await world.advance(1_100);
  assert.equal(await world.where("m"), "origin#2");
  assert.equal(await world.where("n"), "north#1");
  await world.advance(LIMITS.leaseMs);
  assert.equal(await world.where("n"), "origin#2");
});

test("a connection that ends and comes back within two seconds changes nothing", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("m", "north", { durability: MESSAGE });
  world.disconnect(world.site("north"));
  await world.advance(1_500);
  world.connect(world.site("north"));
  await world.advance(20_000);
  assert.equal(await world.where("m"), "north#1");
  assert.ok(world.site("north").told.includes("residents"));
});

test("a frozen site that comes back finds its streams elsewhere, and is a site again", async () => {
  await using world = await ControlWorld.make("north");
  const { id } = await world.create("m", "north", { durability: MESSAGE });
  world.site("north").frozen = true;
  await world.advance(3_000);
  assert.equal(await world.where("m"), "origin#2");
  world.site("north").thaw();
  await world.advance(1_000);
  assert.equal(stateAt(world.site("origin"), id), "recovered from record");
  await world.settled(world.move("m", "north"));
  assert.equal(await world.where("m"), "north#3");
});

test("a waiting stream is live again when its site comes back and still has it", async () => {
  await using world = await ControlWorld.make("north", "south");
  const options = { failureManagers: ["south"], durability: MESSAGE };
  await world.create("one", "north", options);
  world.disconnect(world.site("south"));
  world.disconnect(world.site("north"));
  await world.advance(3_000);
  assert.match(await world.where("one"), /^north#1 lost: waits for south/);
  world.connect(world.site("north"));
  await world.quiet();
  assert.equal(await world.where("one"), "north#1");
});

test("a site that was restarted lost what it had", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north", { failureManagers: ["south"] });
  await world.create("two", "north");
  const before = world.site("north");
  await world.join("north");
  world.disconnect(before);
  await world.quiet();
  assert.equal(await world.where("one"), "south#2");
  assert.equal(await world.where("two"), "origin#2");
});

test("a site that left in order has left what could not be moved to the others", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  const { instance } = world.site("north");
  await world.leader.handle("leave", { name: "north", instance }, LEADER_CALLER);
  await world.quiet();
  assert.equal(await world.where("one"), "origin#2");
});

test("a failure manager that dies while it takes over is replaced by the next", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  const { id } = await world.create("one", "north", { failureManagers: ["south", "west"] });
  world.site("south").script = ({ type }) => (type === "recover" ? NEVER : undefined);
  world.kill(world.site("north"));
  await world.quiet();
  assert.equal(await world.where("one"), "south#2");
  world.kill(world.site("south"));
  await world.quiet();
  assert.equal(await world.where("one"), "west#3");
  assert.equal(stateAt(world.site("west"), id), "recovered from record");
});

test("a stream that no site takes over waits, and is tried again", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  world.site("origin").script = ({ type }) =>
    type === "recover" ? refuse("site-full") : undefined;
  world.kill(world.site("north"));
  await world.quiet();
  const waits = "origin#2 lost: waits for a site to take it over: site: the site refused";
  assert.equal(await world.where("one"), waits);
  world.site("origin").script = () => undefined;
  await world.advance(LIMITS.recoverRetryMs + LIMITS.sitePingMs);
  assert.equal(await world.where("one"), "origin#3");
});

test("many streams are recovered with no more commands at once than a site takes", async () => {
  await using world = await ControlWorld.make("north");
  for (let index = 0; index < 300; index++) await world.create(`s${index}`, "north");
  let running = 0;
  let most = 0;
  world.site("origin").script = ({ type }) => {
    if (type !== "recover") return undefined;
    most = Math.max(most, ++running);
    return new Promise((resolve) => {
      world.clock.after("recover", 20, () => {
        running--;
        resolve(null);
      });
    });
  };
  world.kill(world.site("north"));
  await world.advance(1_000);
  assert.equal(world.site("origin").commandsOf("recover").length, 300);
  assert.equal(most, LIMITS.siteCommandsMax);
});

test("requests that wait for a frozen site do not hold back its replacement", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north", { durability: MESSAGE });
  world.site("north").frozen = true;
  const requests = Array.from({ length: 20 }, (_, index) => world.attach("one", `a${index}`));
  const outcomes = Promise.allSettled(requests);
  await world.advance(3_000);
  assert.equal(await world.where("one"), "origin#2");
  const [first, ...others] = await world.settled(outcomes);
  assert.equal(first?.status, "rejected");
  assert.deepEqual([...new Set(others.map(({ status }) => status))], ["fulfilled"]);
});

test("a leader that starts again lets the sites come back before it judges them", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  await world.create("m", "north", { durability: MESSAGE });
  await world.create("home", "origin");
  await world.restartLeader();
  await world.advance(30_000);
  assert.equal(await world.where("one"), "north#1");
  assert.equal(await world.where("m"), "north#1");
  assert.equal(await world.where("home"), "origin#2");
});

test("a leader that starts finds what ended meanwhile, and what was never made", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north");
  await world.create("two", "south", { durability: MESSAGE });
  world.site("north").residents.delete(id);
  const south = world.site("south");
  south.ended = true;
  await world.restartLeader();
  await world.advance(3_000);
  assert.equal(await world.where("one"), "north#2");
  assert.equal(stateAt(world.site("north"), id), "recovered from record");
  assert.equal(await world.where("two"), "origin#2");
});

test("a leader that stood still itself blames no site for it", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("m", "north", { durability: MESSAGE });
  await world.create("n", "north");
  world.site("north").script = ({ type }) =>
    type === "agent-attach"
      ? new Promise((resolve) => void world.clock.after("attach", 1_000, () => resolve(null)))
      : undefined;
  const slow = world.attach("m", "slow");
  await world.advance(100);
  await world.standStill(10_000);
  await world.settled(slow);
  await world.standStill(600_000);
  await world.advance(10_000);
  assert.equal(await world.where("m"), "north#1");
  assert.equal(await world.where("n"), "north#1");
});

test("what an aborted move left at a site is not taken for the stream that it was to take over", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north", { failureManagers: ["south"] });
  const south = world.site("south");
  south.residents.set(id, { streamEpoch: 2, move: "aborted", state: "of an aborted move" });
  south.script = ({ type }) => (type === "recover" ? NEVER : undefined);
  world.kill(world.site("north"));
  await world.quiet();
  assert.equal(await world.where("one"), "south#2");
  south.script = () => undefined;
  await world.restartLeader();
  await world.advance(3_000);
  assert.equal(await world.where("one"), "south#3");
  assert.equal(stateAt(south, id), "recovered from record");
});

test("a site that was silent is asked what it has as soon as it answers", async () => {
  await using world = await ControlWorld.make("north");
  const { id } = await world.create("one", "north");
  const north = world.site("north");
  north.frozen = true;
  await world.advance(3_000);
  north.residents.delete(id);
  north.thaw();
  await world.advance(1_000);
  assert.equal(await world.where("one"), "north#2");
});

test("a stream that its site lost without failing is found within half a minute", async () => {
  await using world = await ControlWorld.make("north");
  const { id } = await world.create("one", "north");
  await world.create("two", "north");
  world.site("north").residents.delete(id);
  await world.advance(31_000);
  assert.equal(await world.where("one"), "north#2");
  assert.equal(await world.where("two"), "north#1");
});

test("the failure handlers of a stream learn which site it was lost with, however many takeovers failed", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  await world.create("one", "north", { failureManagers: ["south", "west"] });
  world.site("south").script = ({ type }) => (type === "recover" ? refuse("full") : undefined);
  world.kill(world.site("north"));
  await world.quiet();
  assert.equal(world.site("west").commandsOf("recover")[0]?.lostSite, "north");
});

test("sites that cannot be examined in time are not taken for ended", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  world.examine = () => NEVER as Promise<never>;
  world.disconnect(world.site("north"));
  await world.advance(8_000);
  assert.equal(await world.where("one"), "north#1");
  world.examine = () => Promise.reject(new Error("no route"));
  await world.advance(3_000);
  assert.equal(await world.where("one"), "north#1");
  await world.advance(5_000);
  assert.equal(await world.where("one"), "origin#2");
});

test("a site that was to take over without a record, and is cut off, has until its lease runs out", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north", { failureManagers: ["origin", "south"] });
  for (const name of ["origin", "south"]) {
    world.site(name).script = ({ type }) => (type === "recover" ? refuse("site-full") : undefined);
  }
  world.kill(world.site("north"));
  await world.quiet();
  assert.match(await world.where("one"), /^south#3 lost/);
  world.site("origin").script = () => undefined;
  world.disconnect(world.site("south"));
  await world.advance(6_000);
  assert.match(await world.where("one"), /^south#3 lost/);
  await world.advance(LIMITS.leaseMs);
  assert.equal(await world.where("one"), "origin#4");
});
