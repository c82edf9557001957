import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import { LEADER_CALLER } from "../directory/index.ts";
import { ControlWorld, SHELL } from "./control-world.test.support.ts";
import { NEVER, refuse } from "./scripted-site.test.support.ts";

test("a move changes the record by one streamEpoch, and the source drops the stream", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north");
  const answer = await world.settled(world.move("one", "south"));
  assert.deepEqual(answer, { from: "north", to: "south", streamEpoch: 2, ms: 0 });
  const record = await world.record("one");
  assert.deepEqual(record?.visited, ["north", "south"]);
  assert.equal(record?.instance, world.site("south").instance);
  assert.equal(world.site("north").residents.size, 0);
  assert.equal(record?.move, world.site("north").commandsOf("move-out")[0]?.move);
  assert.equal(world.site("south").residents.get(id)?.move, undefined);
  await world.settled(world.move("one", "north"));
  assert.deepEqual((await world.record("one"))?.visited, ["north", "south"]);
});

test("a move to where it is already is answered at once", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  await world.settled(world.move("one", "south"));
  const again = await world.settled(world.move("one", "south"));
  assert.deepEqual(again, { from: "south", to: "south", streamEpoch: 2, ms: 0 });
  assert.deepEqual(world.site("south").commandsOf("move-out"), []);
});

test("moves that are asked for at once are done in order", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  await world.create("one", "north");
  const moves = ["south", "west", "north"].map((to) => world.move("one", to));
  const answers = await world.settled(Promise.all(moves));
  assert.deepEqual(
    answers.map((answer) => (answer as { streamEpoch: number }).streamEpoch),
    [2, 3, 4],
  );
  assert.equal(await world.where("one"), "north#4");
});

test("a refusal of source or target reaches the requester, and nothing has changed", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  world.site("north").script = ({ type }) =>
    type === "move-out" ? refuse("site-full") : undefined;
  await assert.rejects(world.move("one", "south"), { code: "site-full" });
  await world.quiet();
  assert.equal(await world.where("one"), "north#1");
  const [out] = world.site("north").commandsOf("move-out");
  const aborts = ["north", "south"].flatMap((name) => world.site(name).commandsOf("move-abort"));
  assert.deepEqual(aborts, Array(2).fill({ type: "move-abort", id: 1, move: out?.move }));
  assert.ok(world.events.some(({ type }) => type === "move-aborted"));
});

test("a move that outlasts its deadline is aborted, and says where it was by then", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  const [north] = [world.site("north")];
  north.script = ({ type }) => (type === "move-out" ? NEVER : undefined);
  const began = world.clock.now();
  await assert.rejects(world.settled(world.move("one", "south", 800)), (error) => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "move-timeout");
    assert.match(error.message, /in transfer to south/);
    return true;
  });
  assert.ok(world.clock.now() - began <= 900);
  assert.equal(await world.where("one"), "north#1");
  assert.equal(north.commandsOf("move-abort").length, 1);
  north.script = () => undefined;
  await world.settled(world.move("one", "south"));
  assert.equal(await world.where("one"), "south#2");
});

for (const role of ["source", "target"] as const) {
  test(`a ${role} that dies before the commit fails the move at once`, async () => {
    await using world = await ControlWorld.make("north", "south");
    await world.create("one", "north");
    world.site("north").script = ({ type }) => (type === "move-out" ? NEVER : undefined);
    const move = world.move("one", "south", 60_000);
    move.catch(() => {});
    await world.quiet();
    world.kill(world.site(role === "source" ? "north" : "south"));
    await assert.rejects(move, { code: "move-failed" });
    await world.advance(1_000);
    assert.equal(await world.where("one"), role === "source" ? "origin#2" : "north#1");
  });
}

test("a target that is gone when the source says ready fails the move", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  world.site("north").script = ({ type }) => {
    if (type !== "move-out") return undefined;
    return Promise.resolve().then(() => {
      world.kill(world.site("south"));
      return { bytes: 1 };
    });
  };
  await assert.rejects(world.move("one", "south"), { code: "move-failed" });
  assert.equal(await world.where("one"), "north#1");
});

test("a frozen source or target cannot hold a move longer than its silence is borne", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  world.site("south").frozen = true;
  await assert.rejects(world.settled(world.move("one", "south", 60_000)), { code: "move-failed" });
  assert.equal(await world.where("one"), "north#1");
});

test("after settling, a leader from before cannot commit the move", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north");
  let ready = (): void => {};
  world.site("north").script = ({ type }) =>
    type === "move-out"
      ? new Promise((resolve) => {
          ready = () => resolve({ bytes: 1 });
        })
      : undefined;
  const move = world.move("one", "south", 60_000);
  const outcome = assert.rejects(move, { code: "leader-fenced" });
  await world.quiet();
  const second = world.secondLeader();
  const settled = await second.handle("settle-move", { id, move: "any" }, LEADER_CALLER);
  assert.equal((settled as { site: string }).site, "north");
  ready();
  await outcome;
  assert.equal(await world.where("one"), "north#1");
  second.stop();
});

test("settling waits for the move that is under way, and answers what came of it", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north");
  const move = world.move("one", "south");
  const settled = world.ask("settle-move", { id, move: "any" });
  await world.settled(move);
  assert.equal(((await settled) as { site: string }).site, "south");
});

test("settling a move that was committed changes nothing, and one that was not rewrites the record", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north");
  await world.settled(world.move("one", "south"));
  const revision = async (): Promise<number | undefined> =>
    (await world.directory.get("streams/one"))?.revision;
  const committed = await revision();
  const { move = "" } = (await world.record("one")) ?? {};
  await world.ask("settle-move", { id, move });
  assert.equal(await revision(), committed);
  await world.ask("settle-move", { id, move: "another" });
  assert.notEqual(await revision(), committed);
  assert.equal(await world.where("one"), "south#2");
});

test("nothing is evacuated from a site that there is not", async () => {
  await using world = await ControlWorld.make("north");
  const evacuation = world.ask("evacuate-site", { site: "west", ...SHELL });
  await assert.rejects(evacuation, { code: "site-unknown" });
});

test("a commit whose write was interfered with fails, and is aborted", async () => {
  await using world = await ControlWorld.make("north", "south");
  const record = await world.create("one", "north");
  world.site("north").script = ({ type }) =>
    type === "move-out"
      ? world.directory
          .put("streams/one", { ...record, owner: "other" } as never)
          .then(() => ({ bytes: 1 }))
      : undefined;
  await assert.rejects(world.move("one", "south"), { code: "move-failed" });
  await world.quiet();
  assert.equal(await world.where("one"), "north#1");
  assert.equal(world.site("south").commandsOf("move-abort").length, 1);
});

test("a move in the middle of which the leader restarts leaves the stream in one place", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north");
  world.site("north").script = ({ type }) => (type === "move-out" ? NEVER : undefined);
  const move = world.move("one", "south", 60_000);
  const failed = assert.rejects(move);
  await world.quiet();
  await world.restartLeader();
  await world.advance(60_000);
  await failed;
  assert.equal(await world.where("one"), "north#1");
  world.site("north").script = () => undefined;
  await world.ask("settle-move", { id, move: "any" });
  await world.settled(world.move("one", "south"));
  assert.equal(await world.where("one"), "south#2");
});

test("a site that leaves has its streams spread over the others, the least loaded first", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  for (let index = 0; index < 9; index++) await world.create(`s${index}`, "north");
  await world.create("w0", "west");
  await world.create("w1", "west");
  const answer = await world.settled(world.ask("evacuate-site", { site: "north", ...SHELL }));
  assert.deepEqual(answer, { moved: 9, failed: [] });
  const loads = world.sites.map(({ name, residents }) => `${name} ${residents.size}`);
  assert.deepEqual(loads.sort(), ["north 0", "origin 4", "south 4", "west 3"]);
});

test("a stream that no site takes is named, with the reason of the last", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  await world.create("two", "north");
  world.site("north").script = (command) =>
    command.type === "move-out" && command.record.name === "two" ? refuse("site-full") : undefined;
  const answer = await world.settled(world.ask("evacuate-site", { site: "north", ...SHELL }));
  assert.deepEqual(answer, {
    moved: 1,
    failed: [{ stream: "two", error: "site: the site refused" }],
  });
  assert.equal(world.site("north").commandsOf("move-out").length, 3);
});
