import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS, type PolicyRequest, type PolicyTrial } from "../agent/define/index.ts";
import { LIMITS, MeanderError } from "../base/index.ts";
import { memberCaller } from "../directory/index.ts";
import type { PolicyAnswer, PolicyJudge } from "./code-policy.ts";
import { ControlWorld, SHELL } from "./control-world.test.support.ts";
import { JudgedRequests } from "./judged-requests.ts";

const NORTH = memberCaller("north", undefined);
const SITE = { by: "site:north" } as const;

const CODE = {
  ...{ code: "c".repeat(64), file: "quota.ts" },
  ...{ limits: DEFAULT_LIMITS, briefcase: "wA==" },
};

function deny(...actions: string[]): Record<string, unknown> {
  return { effect: "deny", actions, reason: `no ${actions.join(", no ")}` };
}

async function set(world: ControlWorld, scope: string, ...rules: unknown[]): Promise<void> {
  await world.ask("set-policy", { scope, rules, ...SHELL } as never);
}

async function tryOut(
  world: ControlWorld,
  scope: string,
  rules: unknown,
  last?: number,
): Promise<PolicyTrial> {
  const answer = await world.ask("try-policy", { scope, rules, last, ...SHELL } as never);
  return answer as unknown as PolicyTrial;
}

/** `create one: allow > deny`, the oldest first. */
function linesOf({ changes }: PolicyTrial): string[] {
  return changes.map(
    ({ action, stream, was, would }) => `${action} ${stream}: ${was.effect} > ${would.effect}`,
  );
}

function countsOf({ requests, refused, allowed, failed }: PolicyTrial): number[] {
  return [requests, refused, allowed, failed];
}

/** A judge whose trials answer with `answer`. @param closed counts the trials that have ended */
function judgeOf(
  answer: (request: PolicyRequest) => PolicyAnswer | Promise<PolicyAnswer>,
  closed = { count: 0 },
): PolicyJudge {
  return {
    judge: () => assert.fail("what is tried is not in force"),
    check: () => assert.fail("what is tried is not started twice"),
    startTrial: async () => ({
      judge: async (request) => await answer(request),
      close: () => {
        closed.count++;
      },
    }),
    forget: () => {},
  };
}

test("[A48] rules are tried on the requests of before, and what would be different is told", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  await world.create("two", "south");
  await world.move("one", "south");
  const trial = await tryOut(world, "session", [deny("create")]);
  assert.deepEqual(linesOf(trial), ["create one: allow > deny", "create two: allow > deny"]);
  assert.deepEqual(countsOf(trial), [3, 2, 0, 0]);
  const [first] = trial.changes;
  assert.deepEqual([first?.by, first?.label, first?.site], ["anonymous", "shell-1", "north"]);
  assert.deepEqual(first?.would, { effect: "deny", rule: "policy session", reason: "no create" });
  assert.equal(trial.since, first?.at);
  await world.create("three", "north");
  assert.equal(await world.directory.get("policy/session"), undefined);
});

test("[A48] a scope sees its own requests, and the newest of them", async () => {
  await using world = await ControlWorld.make("north", "south");
  await world.create("one", "north");
  await world.create("two", "south");
  await world.move("one", "south");
  const rules = [deny("*")];
  assert.deepEqual(linesOf(await tryOut(world, "sites/north", rules)), [
    "create one: allow > deny",
  ]);
  assert.deepEqual(linesOf(await tryOut(world, "streams/one", rules)), [
    "create one: allow > deny",
    "move one: allow > deny",
  ]);
  assert.deepEqual(linesOf(await tryOut(world, "session", rules, 1)), ["move one: allow > deny"]);
  assert.deepEqual(countsOf(await tryOut(world, "streams/none", rules)), [0, 0, 0, 0]);
});

test("[A48] what a policy has denied would be allowed by one that does not, unless a later one denies", async () => {
  await using world = await ControlWorld.make("north");
  await set(world, "session", deny("create"));
  await world.create("one", "north").catch(() => {});
  const allowed = await tryOut(world, "session", []);
  assert.deepEqual(linesOf(allowed), ["create one: deny > allow"]);
  assert.deepEqual(countsOf(allowed), [1, 0, 1, 0]);
  assert.equal(allowed.changes[0]?.was.rule, "policy session, rule 1");
  await set(world, "streams/one", deny("create"));
  assert.deepEqual(linesOf(await tryOut(world, "session", [])), []);
});

test("[A48] what an earlier policy has denied stays denied, and what a later one has", async () => {
  await using world = await ControlWorld.make("north");
  await set(world, "session", deny("create"));
  await world.create("one", "north").catch(() => {});
  assert.deepEqual(countsOf(await tryOut(world, "streams/one", [])), [1, 0, 0, 0]);
  await set(world, "session");
  await set(world, "streams/one", deny("create"));
  await world.create("one", "north").catch(() => {});
  assert.deepEqual(linesOf(await tryOut(world, "session", [], 1)), []);
});

test("[A32] [A48] whose a stream is counts as it does: a rule that lets others is seen", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("radio", "north");
  const destroy = { stream: "radio", ...SITE };
  await assert.rejects(world.ask("destroy-stream", destroy, NORTH), { code: "denied" });
  const lets = { effect: "allow", actions: ["destroy"], by: "site:*" };
  assert.deepEqual(linesOf(await tryOut(world, "session", [lets])), [
    "destroy radio: deny > allow",
  ]);
  assert.deepEqual(linesOf(await tryOut(world, "session", [{ ...lets, label: "*" }])), []);
  assert.deepEqual(linesOf(await tryOut(world, "sites/north", [lets])), []);
  await set(world, "session", lets);
  await world.ask("destroy-stream", destroy, NORTH);
  const without = await tryOut(world, "session", [], 1);
  assert.deepEqual(linesOf(without), ["destroy radio: allow > deny"]);
  assert.equal(without.changes[0]?.would.rule, "stream radio");
});

test("[A48] code is tried in an executor of its own, sees the requests, and its faults are counted", async () => {
  await using world = await ControlWorld.make("north");
  const seen: PolicyRequest[] = [];
  const closed = { count: 0 };
  world.judge = judgeOf((request) => {
    seen.push(request);
    world.clock.halt(7);
    const isFault = request.stream === "two" ? true : undefined;
    return { effect: isFault === undefined ? "allow" : "deny", reason: "it threw", isFault };
  }, closed);
  await world.restartLeader();
  const at = world.clock.wall();
  await world.create("one", "north");
  await world.create("two", "north");
  const trial = await tryOut(world, "session", CODE);
  assert.deepEqual(linesOf(trial), ["create two: allow > deny"]);
  assert.deepEqual(countsOf(trial), [2, 1, 0, 1]);
  assert.equal(trial.slowestMs, 7);
  assert.deepEqual(seen[0], {
    ...{ action: "create", by: "anonymous", label: "shell-1", stream: "one", site: "north" },
    ...{ owner: undefined, at, streams: 0 },
  });
  assert.equal(closed.count, 1);
});

test("[A48] a slow policy is tried for a bounded time, and few at once", async () => {
  await using world = await ControlWorld.make("north");
  let release = (): void => {};
  let gate: Promise<void> | undefined;
  world.judge = judgeOf(async () => {
    await gate;
    world.clock.halt(LIMITS.policyTrialMs + 1);
    return { effect: "allow" };
  });
  await world.restartLeader();
  await world.create("one", "north");
  await world.create("two", "north");
  const { requests, left } = await tryOut(world, "session", CODE);
  assert.deepEqual([requests, left], [1, 1]);
  gate = new Promise((resolve) => {
    release = resolve;
  });
  const trials = Array.from({ length: LIMITS.policyTrialsMax }, () =>
    tryOut(world, "session", CODE),
  );
  await world.quiet();
  await assert.rejects(tryOut(world, "session", []), { code: "control-busy" });
  release();
  await Promise.all(trials);
  assert.equal((await tryOut(world, "session", [])).requests, 2);
});

test("[A33] [A48] a policy is tried by who may set it, and must be one", async () => {
  await using world = await ControlWorld.make("north");
  const ask = (scope: string, rules: unknown): Promise<unknown> =>
    world.ask("try-policy", { scope, rules, ...SITE } as never, NORTH);
  await assert.rejects(ask("session", []), { code: "denied" });
  await assert.rejects(tryOut(world, "session", "deny"), { code: "policy-invalid" });
  await assert.rejects(tryOut(world, "session", CODE), MeanderError);
  await assert.rejects(tryOut(world, "all", []), { code: "policy-invalid" });
});

test("[A48] requests are remembered up to a number and a size", () => {
  const judged = new JudgedRequests();
  const request = { action: "move", at: 1, by: "anonymous", stream: "one", site: "north" };
  const scopes = ["session"];
  for (let at = 1; at <= LIMITS.judgedRequestsMax + 5; at++)
    judged.note({ request: { ...request, at }, scopes }, undefined);
  const all = judged.of("session", LIMITS.judgedRequestsMax);
  assert.equal(all.length, LIMITS.judgedRequestsMax);
  assert.equal(all[0]?.request.at, 6);
  const label = "x".repeat(100_000);
  for (let time = 1; time <= 20; time++)
    judged.note({ request: { ...request, label }, scopes }, undefined);
  assert.equal(judged.of("session", 100).length, 5);
});
