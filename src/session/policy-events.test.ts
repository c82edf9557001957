import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS, type PolicyRequest, type Verdict } from "../agent/define/index.ts";
import { LIMITS, MeanderError } from "../base/index.ts";
import { type Caller, type Json, memberCaller } from "../directory/index.ts";
import type { TokenRights } from "./access.ts";
import type { CodePolicy, PolicyJudge } from "./code-policy.ts";
import { agentSpec, ControlWorld, SHELL } from "./control-world.test.support.ts";

const NORTH = memberCaller("north", undefined);
const CODE: CodePolicy = { code: "c".repeat(64), limits: DEFAULT_LIMITS, briefcase: "wA==" };
const CODE_JSON = CODE as unknown as Json;
const DENIED_BY_CODE = { code: "denied", where: `policy session, code ${"c".repeat(12)}` };

/** Judges by what a test says, and keeps what was asked, with the scope. */
class ScriptedJudge implements PolicyJudge {
  readonly asked: (Omit<PolicyRequest, "at"> & { readonly scopeAsked: string })[] = [];
  verdict: (request: PolicyRequest) => Verdict = () => ({ effect: "allow" });

  async judge(scopeAsked: string, _policy: CodePolicy, request: PolicyRequest): Promise<Verdict> {
    const { at, ...asked } = request;
    assert.ok(at > 0);
    this.asked.push({ ...asked, scopeAsked });
    return this.verdict(request);
  }

  async check(): Promise<void> {}

  startTrial(): never {
    throw new Error("nothing is tried");
  }

  forget(): void {}

  /** The requests of an action. */
  of(action: string): readonly Omit<PolicyRequest, "at">[] {
    return this.asked.filter((each) => each.action === action);
  }
}

async function withJudge(
  ...names: string[]
): Promise<{ readonly world: ControlWorld; readonly judge: ScriptedJudge }> {
  const judge = new ScriptedJudge();
  const world = await ControlWorld.judgedBy(judge, ...names);
  await world.directory.put("policy/session", CODE_JSON);
  return { world, judge };
}

test("[A46] a policy sees the code that comes with a request, what it replaces, and where a stream goes", async () => {
  const { world, judge } = await withJudge("north", "south");
  await using _ = world;
  const bytes = new Uint8Array(1_000);
  const hash = await world.directory.putBlob(bytes);
  await world.create("radio", "north");
  const spec = { ...agentSpec("dj"), code: hash };
  await world.ask("attach-agent", { stream: "radio", spec, briefcase: "AAAA", ...SHELL });
  const about = { stream: "radio", agent: "dj", event: "append", ...SHELL };
  const second = "b".repeat(64);
  await world.ask("replace-handler", { ...about, code: second });
  await world.ask("replace-handler", { ...about, code: null });
  await world.move("radio", "south");
  await world.ask("detach-agent", { stream: "radio", agent: "dj", ...SHELL });
  const facts = judge.asked.map(({ scopeAsked: _, by: _by, label: _label, owner, ...rest }) => {
    assert.equal(owner, rest.action === "create" ? undefined : "anonymous");
    return JSON.parse(JSON.stringify(rest));
  });
  const radio = { stream: "radio", site: "north" };
  const { limits } = spec;
  const handler = { agent: "dj", handler: "append" };
  assert.deepEqual(facts, [
    { action: "create", ...radio, streams: 0 },
    { action: "attach", ...radio, agent: "dj", hash, limits, size: 1_003, agents: 0 },
    { action: "replace", ...radio, ...handler, limits, hash: second, replaces: hash },
    { action: "replace", ...radio, ...handler, limits, replaces: second },
    { action: "move", stream: "radio", site: "south", from: "north", to: "south" },
    { action: "detach", stream: "radio", site: "south", agent: "dj" },
  ]);
});

test("[A46] rules may name the code that is let in", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("radio", "north");
  await world.ask("set-policy", {
    scope: "session",
    rules: [
      { effect: "allow", actions: ["attach", "replace"], hash: `${"a".repeat(12)}*` },
      { effect: "deny", actions: ["attach", "replace"], reason: "not reviewed" },
    ],
    ...SHELL,
  });
  await world.attach("radio", "dj");
  const about = { stream: "radio", agent: "dj", event: "append", ...SHELL };
  for (const code of ["b".repeat(64), null])
    await assert.rejects(world.ask("replace-handler", { ...about, code }), {
      code: "denied",
      where: "policy session, rule 2",
      message: /not reviewed/,
    });
  await world.ask("replace-handler", { ...about, code: "a".repeat(64) });
  const rules = [{ effect: "deny", actions: ["attach"], hash: "abc*" } as const];
  await assert.rejects(world.ask("set-policy", { scope: "session", rules, ...SHELL }), {
    code: "policy-invalid",
    message: /sha-256 in 64 hex digits, or 8 or more of them/,
  });
});

test("[A60] that a site joins is judged, once, by rules and by code; that it leaves is told", async () => {
  const { world, judge } = await withJudge("north");
  await using _ = world;
  judge.verdict = ({ action, by }) =>
    action === "join" && by !== "site:north"
      ? { effect: "deny", reason: "the session is full" }
      : { effect: "allow" };
  const join = (name: string, instance: number) => joinAs(world, name, instance);
  await assert.rejects(join("south", 7), {
    ...DENIED_BY_CODE,
    what: "site:south may not join the session: the session is full",
  });
  assert.equal(await world.directory.get("sites/south"), undefined);
  assert.deepEqual(judge.of("join"), [
    { scopeAsked: "session", action: "join", by: "site:south", site: "south", owner: undefined },
  ]);
  const { instance } = world.site("north");
  await join("north", instance);
  assert.equal(judge.of("join").length, 1, "a member that says more of itself is not judged");
  await world.leader.handle("leave", { name: "north", instance }, NORTH);
  await world.quiet();
  const [told] = judge.of("leave");
  assert.equal(told?.by, "site:north");
  judge.verdict = () => ({ effect: "deny" });
  await assert.rejects(join("north", 8), DENIED_BY_CODE);
  await world.directory.put("policy/session", [
    { effect: "deny", actions: ["join"], by: "site:s*", reason: "no more" },
  ]);
  await join("north", 8);
  await assert.rejects(join("south", 9), { code: "denied", where: "policy session, rule 1" });
});

async function joinAs(world: ControlWorld, name: string, instance: number): Promise<Json> {
  const endpoint = { host: "10.0.0.9", port: instance };
  const lease = await world.directory.grantLease(LIMITS.leaseMs);
  const site = {
    ...{ name, instance, http: endpoint, udp: endpoint, pid: 1, version: "0", startedAt: 0 },
  };
  return await world.leader.handle(
    "join",
    { site, lease: lease.id },
    memberCaller(name, undefined),
  );
}

test("[A60] a site's policy judges what it takes over: the next failure manager is asked", async () => {
  await using world = await ControlWorld.make("north", "south", "west");
  const failureManagers = ["south", "west"];
  await world.create("one", "north", { failureManagers });
  await world.directory.put("policy/sites/south", [
    { effect: "deny", actions: ["move"], by: "anonymous", reason: "not here" },
  ]);
  world.kill(world.site("north"));
  await world.quiet();
  assert.equal(await world.where("one"), "west#2");
  assert.deepEqual(world.site("south").commandsOf("recover"), []);
  const [noted] = world.audited;
  assert.deepEqual(noted, {
    by: "anonymous",
    what: "stream.move",
    on: "stream one to south",
    verdict: "denied",
    rule: "policy sites/south, rule 1",
    reason: "anonymous may not move one at south: not here",
  });
  for (const site of ["west", "origin"])
    await world.directory.put(`policy/sites/${site}`, [{ effect: "deny", actions: ["*"] }]);
  world.kill(world.site("west"));
  await world.quiet();
  assert.match(await world.where("one"), /^west#2 lost: waits for a site to take it over: policy /);
  for (const site of ["west", "origin"]) await world.directory.delete(`policy/sites/${site}`);
  await world.advance(LIMITS.recoverRetryMs + 1_000);
  assert.equal(await world.where("one"), "origin#3");
});

const TOKENS: Readonly<Record<string, TokenRights>> = {
  alice: tokenOf("alice", ["shell", "code"]),
  chief: tokenOf("chief", ["policy"]),
  judge: tokenOf("judge", ["policy", "shell"], ["north"]),
};

function tokenOf(name: string, can: readonly string[], sites: readonly string[] = ["*"]) {
  return { name, can, channels: [], streams: ["*"], sites };
}

function subject(name: string) {
  return { by: `subject:${name}`, token: name } as const;
}

/** The session requires tokens, whose text is a name. */
function requireTokens(world: ControlWorld): void {
  world.tokens = {
    isOpen: false,
    rightsOf: async (token) => {
      const rights = TOKENS[token];
      if (rights === undefined) throw new MeanderError("token-forged", "not the session's");
      return rights;
    },
  };
}

test("[A33] the session's policy judges what others set for sites and streams, and never its owners", async () => {
  const { world, judge } = await withJudge("north");
  await using _ = world;
  requireTokens(world);
  await world.create("radio", "north", { ...subject("alice"), label: "a" });
  judge.verdict = () => ({ effect: "deny", reason: "ask me first" });
  const set = (scope: string, name: string, rules: unknown = []): Promise<Json> =>
    world.ask("set-policy", { scope, rules: rules as never, ...subject(name) }, NORTH);
  await assert.rejects(set("streams/radio", "alice"), {
    ...DENIED_BY_CODE,
    what: "subject:alice may not set the policy of streams/radio: ask me first",
  });
  await assert.rejects(set("sites/north", "judge"), DENIED_BY_CODE);
  const asked = judge.of("policy").map(({ by, scope, stream, site }) => [by, scope, stream, site]);
  assert.deepEqual(asked, [
    ["subject:alice", "streams/radio", "radio", "north"],
    ["subject:judge", "sites/north", undefined, "north"],
  ]);
  const before = judge.asked.length;
  await set("streams/radio", "chief");
  await set("session", "chief");
  assert.equal(judge.asked.length, before, "its owner is not judged");
  assert.equal(await world.directory.get("policy/session"), undefined);
  await set("streams/radio", "alice");
});

test("[A33] what code is set is judged before it is run", async () => {
  const { world, judge } = await withJudge("north");
  await using _ = world;
  requireTokens(world);
  await world.create("radio", "north", { ...subject("alice"), label: "a" });
  const hash = await world.directory.putBlob(new Uint8Array(500));
  let checks = 0;
  judge.check = async () => void checks++;
  judge.verdict = ({ size = 0 }) => ({ effect: size > 500 ? "deny" : "allow" });
  const set = (briefcase: string): Promise<Json> => {
    const rules = { ...CODE, code: hash, briefcase } as never;
    return world.ask("set-policy", { scope: "streams/radio", rules, ...subject("alice") }, NORTH);
  };
  await assert.rejects(set("wA=="), DENIED_BY_CODE);
  assert.equal(checks, 0);
  await set("");
  assert.equal(checks, 1);
  const sizes = judge.of("policy").map(({ size, hash: code }) => [size, code]);
  assert.deepEqual(sizes, [
    [501, hash],
    [500, hash],
  ]);
});

test("[A60] shells are let attach, and configurations replaced, for a site that asks", async () => {
  const { world, judge } = await withJudge("north");
  await using _ = world;
  requireTokens(world);
  judge.verdict = ({ action }) => ({ effect: "deny", reason: `no ${action}` });
  const ask = (action: "client-attach" | "configure" | "client-detach", name: string) =>
    world.ask("judge-action", { action, ...subject(name) }, NORTH);
  await assert.rejects(ask("client-attach", "alice"), {
    ...DENIED_BY_CODE,
    what: "subject:alice may not attach a shell to north: no client-attach",
  });
  // One that may set the policy is never locked out by it.
  assert.deepEqual(await ask("client-attach", "chief"), { forMs: LIMITS.grantMs });
  await assert.rejects(ask("configure", "chief"), {
    ...DENIED_BY_CODE,
    what: "subject:chief may not configure north: no configure",
  });
  assert.equal(await ask("client-detach", "alice"), null);
  const told = judge.asked.map(({ action, by, site }) => `${action} ${by} ${site}`);
  assert.deepEqual(told, [
    "client-attach subject:alice north",
    "configure subject:chief north",
    "client-detach subject:alice north",
  ]);
  const forged = { action: "client-attach", by: "subject:chief", token: "alice" } as const;
  await assert.rejects(world.ask("judge-action", forged, NORTH), { code: "principal-refused" });
});

test("appending is judged for the site where the stream is, and for no other", async () => {
  const { world, judge } = await withJudge("north", "south");
  await using _ = world;
  await world.create("radio", "north");
  const open = (by: string, caller: Caller) =>
    world.ask("judge-action", { action: "open", stream: "radio", by }, caller);
  judge.verdict = () => ({ effect: "allow", forMs: 700 });
  assert.deepEqual(await open("subject:alice", NORTH), { forMs: 700 });
  judge.verdict = () => ({ effect: "deny" });
  await assert.rejects(open("subject:alice", NORTH), {
    ...DENIED_BY_CODE,
    what: "subject:alice may not append to radio at north: its code does not allow it",
  });
  await assert.rejects(open("subject:alice", memberCaller("south", undefined)), {
    code: "principal-refused",
  });
  const [asked] = judge.of("open");
  assert.deepEqual([asked?.owner, asked?.site, asked?.stream], ["anonymous", "north", "radio"]);
});

test("[A46] a policy sees how many streams who asks has, with those that it is creating", async () => {
  const { world, judge } = await withJudge("north");
  await using _ = world;
  await world.create("zero", "north", { by: "anonymous", label: "shell-9" });
  await Promise.all(["one", "two"].map((name) => world.create(name, "north")));
  await world.attach("one", "a");
  await world.attach("one", "b");
  assert.deepEqual(
    judge.of("create").map(({ streams }) => streams),
    [0, 1, 2],
  );
  assert.deepEqual(
    judge.of("attach").map(({ agents }) => agents),
    [0, 1],
  );
  judge.verdict = () => ({ effect: "deny" });
  for (let time = 0; time < 2; time++)
    await assert.rejects(world.create("three", "north"), { code: "denied" });
  judge.verdict = () => ({ effect: "allow" });
  await world.ask("destroy-stream", { stream: "one", ...SHELL });
  await world.create("four", "north");
  assert.deepEqual(judge.of("create").at(-1)?.streams, 2);
});
