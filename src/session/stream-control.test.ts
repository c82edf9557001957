import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, MeanderError } from "../base/index.ts";
import { LEADER_CALLER, memberCaller } from "../directory/index.ts";
import { agentSpec, ControlWorld, SHELL } from "./control-world.test.support.ts";
import { refuse } from "./scripted-site.test.support.ts";

test("a stream is made at its site, with an id that no other has", async () => {
  await using world = await ControlWorld.make("north", "south");
  const one = await world.create("one", "north");
  const { createdAt: _, ...facts } = one;
  assert.deepEqual(facts, {
    ...{ name: "one", id: 1, streamEpoch: 1, site: "north" },
    ...{ instance: world.site("north").instance, status: "live", durability: { type: "none" } },
    ...{
      failureManagers: [],
      keeper: "origin",
      agents: [],
      visited: ["north"],
      owner: "anonymous",
    },
  });
  assert.deepEqual(world.site("north").commandsOf("stream-create"), [
    { type: "stream-create", record: one, ...SHELL },
  ]);
  assert.equal((await world.create("two", "origin")).id, 2);
  assert.deepEqual(
    world.events.map(({ type, stream }) => `${type} ${stream}`),
    ["created one", "created two"],
  );
});

test("its keeper is the first failure manager that is not where it is, else the leader", async () => {
  await using world = await ControlWorld.make("north", "south");
  const of = async (name: string, ...failureManagers: string[]): Promise<string> =>
    (await world.create(name, "north", { failureManagers })).keeper;
  assert.equal(await of("a", "south", "origin"), "south");
  assert.equal(await of("b", "north", "south"), "south");
  assert.equal(await of("c", "north"), "origin");
});

test("of two that create the same name at once, the second learns who has it, where and since when", async () => {
  await using world = await ControlWorld.make("north", "south");
  const first = world.create("one", "north");
  const second = world.create("one", "south", { label: "shell-2" });
  assert.equal((await first).site, "north");
  await assert.rejects(second, (error) => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "stream-exists");
    assert.match(error.message, /anonymous made it at 2023-.*; it is at site north/);
    return true;
  });
  assert.deepEqual(
    world.site("south").told.filter((type) => type === "stream-create"),
    [],
  );
});

test("a name that can be none is refused, with what a name is", async () => {
  await using world = await ControlWorld.make("north");
  for (const name of ["", "a b", "a/b", "é", "x".repeat(81), "shell-1f3a", "a>b"]) {
    await assert.rejects(world.create(name, "north"), { code: "stream-invalid" }, name);
  }
  await world.create("A.b_c-9".padEnd(80, "x"), "north");
  await assert.rejects(world.create("a b", "north"), /expected 1 to 80 letters, digits/);
});

test("an unknown site is answered with the sites there are", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  for (const request of [world.create("x", "nowhere"), world.move("one", "no/where")]) {
    await assert.rejects(request, (error) => {
      assert.ok(error instanceof MeanderError);
      assert.equal(error.code, "site-unknown");
      assert.match(error.message, /one of its sites: north, origin/);
      return true;
    });
  }
});

test("a name is free again when the site refuses the stream", async () => {
  await using world = await ControlWorld.make("north");
  world.site("north").script = ({ type }) =>
    type === "stream-create" ? refuse("streams-exhausted") : undefined;
  await assert.rejects(world.create("one", "north"), { code: "streams-exhausted" });
  assert.equal(await world.where("one"), "nowhere");
  world.site("north").script = () => undefined;
  assert.equal((await world.create("one", "north")).id, 2);
});

test("a stream that may have been made by a site that fell silent is unmade", async () => {
  await using world = await ControlWorld.make("north");
  const north = world.site("north");
  north.frozen = true;
  await assert.rejects(world.settled(world.create("one", "north")), { code: "site-gone" });
  assert.equal(await world.where("one"), "nowhere");
  north.thaw();
  await world.quiet();
  assert.deepEqual(north.told.slice(-2), ["stream-create", "stream-destroy"]);
  assert.equal(north.residents.size, 0);
});

test("a site without contact gets no stream", async () => {
  await using world = await ControlWorld.make("north");
  world.disconnect(world.site("north"));
  await assert.rejects(world.create("one", "north"), { code: "site-gone" });
});

test("requests that are none, and requests about what is not there, are refused by name", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  const { leader } = world;
  const refused = async (subject: string, payload: object, code: string): Promise<void> => {
    const answer = leader.handle(subject, payload as never, LEADER_CALLER);
    await assert.rejects(answer, { code }, `${subject} ${JSON.stringify(payload)}`);
  };
  const by = "anonymous";
  const durability = { type: "none" };
  const create = { name: "x", at: "north", durability, failureManagers: [], by };
  await refused("create-stream", { ...create, durability: { type: "all" } }, "request-invalid");
  const checkpoint = { type: "checkpoint", every: 0 };
  await refused("create-stream", { ...create, durability: checkpoint }, "request-invalid");
  await refused("create-stream", { ...create, failureManagers: ["A B"] }, "request-invalid");
  await refused("create-stream", { ...create, by: "" }, "request-invalid");
  await refused("create-stream", { ...create, name: 5 }, "request-invalid");
  await refused(
    "move-stream",
    { stream: "one", to: "north", deadlineMs: 99, by },
    "request-invalid",
  );
  await refused(
    "move-stream",
    { stream: "one", to: "north", deadlineMs: 60_001, by },
    "request-invalid",
  );
  for (const stream of ["gone", "a b/c", "", "__proto__"]) {
    await refused("move-stream", { stream, to: "north", by }, "stream-unknown");
    await refused("destroy-stream", { stream, by }, "stream-unknown");
    await refused("detach-agent", { stream, agent: "a", by }, "stream-unknown");
  }
  await refused("settle-move", { id: 99, move: "m" }, "stream-unknown");
  await refused("set-keeper", { id: 99, streamEpoch: 1, keeper: "north" }, "stream-unknown");
  const spec = agentSpec("a");
  const attach = { stream: "one", spec, briefcase: "", by };
  await refused("attach-agent", { ...attach, spec: { ...spec, code: "x" } }, "request-invalid");
  await refused("attach-agent", { ...attach, spec: { ...spec, name: "a b" } }, "request-invalid");
  await refused("attach-agent", { ...attach, briefcase: "%" }, "request-invalid");
  await refused(
    "replace-handler",
    { stream: "one", agent: "a", event: "no", code: null, by },
    "request-invalid",
  );
  await assert.rejects(
    leader.handle("make-stream", {}, LEADER_CALLER),
    /close-channel, create-stream, move-stream/,
  );
});

test("a destroyed stream is gone, whether or not its site answers", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  assert.equal(await world.ask("destroy-stream", { stream: "one", ...SHELL }), null);
  assert.equal(await world.where("one"), "nowhere");
  assert.equal(world.site("north").residents.size, 0);
  await assert.rejects(world.ask("destroy-stream", { stream: "one", ...SHELL }), {
    code: "stream-unknown",
  });
  await world.create("two", "south");
  world.kill(world.site("south"));
  await world.ask("destroy-stream", { stream: "two", ...SHELL });
  assert.equal(await world.where("two"), "nowhere");
  await world.create("three", "north");
  world.site("north").script = ({ type }) =>
    type === "stream-destroy" ? refuse("denied") : undefined;
  await assert.rejects(world.ask("destroy-stream", { stream: "three", ...SHELL }), {
    code: "denied",
  });
  assert.equal(await world.where("three"), "north#1");
});

test("requests about one stream are done one at a time in their order, and too many are refused", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("one", "north");
  await world.create("two", "north");
  const north = world.site("north");
  const names = Array.from({ length: 40 }, (_, index) => `a${index}`);
  let running = 0;
  north.script = (command) => {
    if (command.type !== "agent-attach" || command.record.name !== "one") return undefined;
    assert.equal(++running, 1);
    return new Promise((resolve) => {
      world.clock.after("attach", 10, () => {
        running--;
        resolve(null);
      });
    });
  };
  const requests = names.map((name) => world.attach("one", name));
  const more = Array.from({ length: 30 }, (_, index) => world.attach("one", `b${index}`));
  const busy = Promise.allSettled(more);
  await world.attach("two", "other");
  assert.deepEqual((await world.record("one"))?.agents, [], "another stream does not wait");
  await world.settled(Promise.all(requests));
  const outcomes = await world.settled(busy);
  const codes = outcomes.flatMap((each) => (each.status === "rejected" ? each.reason.code : []));
  const busyCount = 70 - 1 - LIMITS.controlQueueMax;
  assert.equal(codes.filter((code) => code === "control-busy").length, busyCount);
  const attached = (await world.record("one"))?.agents.map(({ spec }) => spec.name) ?? [];
  assert.deepEqual(attached.slice(0, 40), names);
});

test("a policy of the session denies, with its reason and where it stands", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  const rules = [
    { effect: "allow", actions: ["*"], label: "shell-owner" },
    { effect: "deny", actions: ["move", "create"], site: "south", reason: "south is for tests" },
    { effect: "deny", actions: ["attach", "detach", "replace", "destroy"], stream: "one" },
  ] as const;
  await world.ask("set-policy", { scope: "session", rules, ...SHELL });
  await assert.rejects(world.move("one", "south"), (error) => {
    assert.ok(error instanceof MeanderError);
    assert.equal(error.code, "denied");
    assert.match(
      error.message,
      /policy session, rule 2: anonymous may not move one at south: south is for tests/,
    );
    return true;
  });
  const denied = { code: "denied" };
  await assert.rejects(world.create("two", "south"), denied);
  await assert.rejects(world.attach("one", "a"), denied);
  await assert.rejects(world.ask("destroy-stream", { stream: "one", ...SHELL }), denied);
  assert.equal(world.events.filter(({ type }) => type === "denied").length, 4);
  await world.create("two", "south", { label: "shell-owner" });
  await world.create("three", "north");
  await world.directory.put("policy/session", "rubbish");
  await assert.rejects(world.create("four", "north"), /its rules are not valid/);
  await world.ask("set-policy", { scope: "session", rules: [], ...SHELL });
  assert.equal(await world.directory.get("policy/session"), undefined);
  await world.create("four", "north");
});

test("policies that are none are refused with the place of the fault", async () => {
  await using world = await ControlWorld.make("north");
  const set = (scope: unknown, rules: unknown): Promise<unknown> =>
    world.leader.handle("set-policy", { scope, rules, ...SHELL } as never, LEADER_CALLER);
  const good = { effect: "deny", actions: ["move"] };
  const refused = async (scope: unknown, rules: unknown, text: RegExp): Promise<void> => {
    await assert.rejects(set(scope, rules), (error) => {
      assert.ok(error instanceof MeanderError);
      assert.equal(error.code, "policy-invalid");
      assert.match(error.message, text);
      return true;
    });
  };
  for (const scope of [
    "",
    "all",
    "sites",
    "sites/",
    "sites/A",
    "streams/a/b",
    "streams/a b",
    5,
    null,
  ]) {
    await refused(scope, [good], /scope: got .*; expected session, sites\/NAME or streams\/NAME/);
  }
  await refused("session", "deny all", /rules: got "deny all"; expected a list/);
  await refused("session", [good, { ...good, effect: "no" }], /rules\[1\].effect: got "no"/);
  await refused("session", [{ ...good, actions: ["fly"] }], /rules\[0\].actions\[0\]: got "fly"/);
  await refused("session", [{ ...good, actions: [] }], /rules\[0\].actions: /);
  await refused("session", [{ ...good, who: "x" }], /rules\[0\].who: unknown key "who"/);
  await refused("session", [{ ...good, by: "a/b" }], /rules\[0\].by: got "a\/b"/);
  await refused(
    "session",
    [{ ...good, by: "alice" }],
    /rules\[0\].by: .*for names of shells use label/,
  );
  await refused(
    "session",
    Array.from({ length: 257 }, () => good),
    /at most 256/,
  );
  await set("streams/one", [good]);
  await set("sites/north", [good]);
  assert.deepEqual((await world.directory.get("policy/streams/one"))?.value, [good]);
});

test("the keeper changes only for the streamEpoch there is, and only to a site there is", async () => {
  await using world = await ControlWorld.make("north", "south");
  const { id } = await world.create("one", "north");
  const set = (streamEpoch: number, keeper: string): Promise<unknown> =>
    world.ask("set-keeper", { id, streamEpoch, keeper }, memberCaller("north", undefined));
  await set(1, "south");
  await set(1, "south");
  assert.equal((await world.record("one"))?.keeper, "south");
  await assert.rejects(set(2, "north"), { code: "stream-epoch-passed" });
  await assert.rejects(set(1, "west"), { code: "site-unknown" });
});

test("sites learn of others that join, leave and fail", async () => {
  await using world = await ControlWorld.make("north", "south");
  const north = world.site("north");
  north.commands.length = 0;
  const west = await world.join("west");
  await world.leader.handle("leave", { name: "west", instance: west.instance }, LEADER_CALLER);
  world.kill(world.site("south"));
  await world.quiet();
  assert.deepEqual(
    north.commandsOf("site-event").map(({ event, site }) => `${site} ${event}`),
    ["west joined", "west left", "south failed"],
  );
  assert.deepEqual(west.commandsOf("site-event"), []);
});

test("a record that others spoilt is refused, and disturbs no other stream", async () => {
  await using world = await ControlWorld.make("north");
  await world.directory.put("streams/bad", { name: "bad", id: 7 });
  await world.directory.put("ids/stream", "many");
  await world.create("one", "north");
  await assert.rejects(world.move("bad", "origin"), { code: "stream-record-invalid" });
  await assert.rejects(world.create("bad", "north"), { code: "stream-record-invalid" });
});

test("no stream id is given twice, and none after the last", async () => {
  await using world = await ControlWorld.make("north");
  await world.directory.put("ids/stream", 0xffff_fffe);
  assert.equal((await world.create("one", "north")).id, 0xffff_ffff);
  await assert.rejects(world.create("two", "north"), { code: "stream-ids-exhausted" });
});

test("a leader that another has followed decides nothing more about streams", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  const second = world.secondLeader();
  await second.start();
  const before = await world.directory.list("streams/");
  const fenced = { code: "leader-fenced" };
  await assert.rejects(world.create("two", "north"), fenced);
  await assert.rejects(world.move("one", "south"), fenced);
  await assert.rejects(world.attach("one", "a"), fenced);
  await assert.rejects(world.ask("destroy-stream", { stream: "one", ...SHELL }), fenced);
  await assert.rejects(world.ask("set-policy", { scope: "session", rules: [], ...SHELL }), fenced);
  assert.deepEqual(await world.directory.list("streams/"), before);
  assert.equal(world.site("north").residents.size, 1);
  second.stop();
});
