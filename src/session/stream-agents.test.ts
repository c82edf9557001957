import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../base/index.ts";
import { LEADER_CALLER } from "../directory/index.ts";
import { agentSpec, ControlWorld, SHELL } from "./control-world.test.support.ts";
import { refuse } from "./scripted-site.test.support.ts";

test("agents are attached at the site and noted in the record", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  await world.attach("one", "counter", "kA==");
  assert.deepEqual((await world.record("one"))?.agents, [
    { spec: agentSpec("counter"), briefcase: "kA==" },
  ]);
  assert.equal(world.site("north").commandsOf("agent-attach").length, 1);
  await world.attach("one", "counter", "kA==");
  assert.equal(world.site("north").commandsOf("agent-attach").length, 1, "asked twice, done once");
  await assert.rejects(world.attach("one", "counter", "wA=="), { code: "agent-exists" });
});

test("an agent that its site refuses is not noted", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  world.site("north").script = ({ type }) =>
    type === "agent-attach" ? refuse("code-failed") : undefined;
  await assert.rejects(world.attach("one", "counter"), { code: "code-failed" });
  assert.deepEqual((await world.record("one"))?.agents, []);
});

test("briefcases that do not fit the record, and agents over the limit, are refused before the site is asked", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  await assert.rejects(world.attach("one", "big", "A".repeat(200_000)), {
    code: "briefcase-too-large",
  });
  for (let index = 0; index < LIMITS.streamAgentsMax; index++)
    await world.attach("one", `a${index}`);
  await assert.rejects(world.attach("one", "more"), { code: "agents-exhausted" });
  assert.equal(world.site("north").commandsOf("agent-attach").length, LIMITS.streamAgentsMax);
});

test("a replaced handler stays replaced", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  await world.attach("one", "counter");
  const request = { stream: "one", agent: "counter", event: "append", ...SHELL };
  await world.ask("replace-handler", { ...request, code: "b".repeat(64) });
  await world.ask("replace-handler", { ...request, event: "timer", code: null });
  assert.deepEqual((await world.record("one"))?.agents[0]?.spec.replaced, {
    append: "b".repeat(64),
    timer: null,
  });
  await assert.rejects(world.ask("replace-handler", { ...request, agent: "no", code: null }), {
    code: "agent-unknown",
  });
});

test("a detached agent is finalized where it was before, and where that cannot be now, later", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  await world.create("one", "north");
  await world.attach("one", "counter");
  for (const to of ["south", "west", "origin"]) await world.settled(world.move("one", to));
  const [north, south, west] = ["north", "south", "west"].map((name) => world.site(name));
  assert.ok(north && south && west);
  world.kill(south);
  const request = { stream: "one", agent: "counter", ...SHELL };
  await world.ask("detach-agent", request);
  await world.quiet();
  assert.equal(world.site("origin").commandsOf("agent-detach").length, 1);
  const due = { type: "finalize", id: 1, stream: "one", agents: [agentSpec("counter")] };
  assert.deepEqual(north.commandsOf("finalize"), [due]);
  assert.deepEqual(west.commandsOf("finalize"), [due]);
  assert.deepEqual(
    (await world.directory.list("finalize/")).map(({ key }) => key),
    ["finalize/south/1"],
  );
  const again = await world.join("south");
  await world.quiet();
  assert.deepEqual(again.commandsOf("finalize"), [due]);
  assert.deepEqual(await world.directory.list("finalize/"), []);
  await assert.rejects(world.ask("detach-agent", request), { code: "agent-unknown" });
});

test("finalizers of a site that leaves, or does not come back in a day, are given up", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  await world.attach("one", "counter");
  await world.settled(world.move("one", "origin"));
  const north = world.site("north");
  north.script = ({ type }) => (type === "finalize" ? refuse("site-gone") : undefined);
  await world.ask("destroy-stream", { stream: "one", ...SHELL });
  await world.quiet();
  assert.equal((await world.directory.list("finalize/")).length, 1);
  await world.leader.handle("leave", { name: "north", instance: north.instance }, LEADER_CALLER);
  await world.quiet();
  assert.deepEqual(await world.directory.list("finalize/"), []);
  await world.directory.put("finalize/west/9", {
    ...{ stream: "old", agents: [] },
    since: world.clock.wall() - LIMITS.finalizerMsMax,
  });
  await world.advance(60_000);
  assert.deepEqual(await world.directory.list("finalize/"), []);
});
