import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS, type PolicyChange } from "../agent/define/index.ts";
import { LIMITS, MeanderError } from "../base/index.ts";
import { memberCaller } from "../directory/index.ts";
import type { PolicyJudge } from "./code-policy.ts";
import { ControlWorld, SHELL } from "./control-world.test.support.ts";

const NORTH = memberCaller("north", undefined);

function denying(action: string): unknown {
  return { effect: "deny", actions: [action] };
}

function codeOf(letter: string): Record<string, unknown> {
  const file = `${letter}.ts`;
  return { code: letter.repeat(64), file, limits: DEFAULT_LIMITS, briefcase: "wA==" };
}

async function set(world: ControlWorld, rules: unknown, scope = "session"): Promise<unknown> {
  return await world.ask("set-policy", { scope, rules, ...SHELL } as never);
}

async function history(
  world: ControlWorld,
  scope: string | undefined = "session",
): Promise<readonly PolicyChange[]> {
  const answer = await world.ask("policy-history", { scope, ...SHELL });
  return answer as unknown as readonly PolicyChange[];
}

async function rollback(world: ControlWorld, number?: number, scope = "session"): Promise<unknown> {
  return await world.ask("rollback-policy", { scope, number, ...SHELL });
}

/** `3* 1 rule`, newest first: number, whether it is in force, what it is, and which it set again. */
async function lines(world: ControlWorld, scope?: string): Promise<string[]> {
  return (await history(world, scope)).map(({ number, isInForce, policy, restores }) => {
    const what = "code" in policy ? policy.file : `${policy.rules}`;
    return `${number}${isInForce ? "*" : ""} ${what}${restores === undefined ? "" : ` (${restores})`}`;
  });
}

async function inForce(world: ControlWorld, scope = "session"): Promise<unknown> {
  return (await world.directory.get(`policy/${scope}`))?.value;
}

test("[A47] every policy that a scope had is told, with when and by whom it was set", async () => {
  await using world = await ControlWorld.make("north");
  assert.deepEqual(await history(world), []);
  await set(world, [denying("move")]);
  const { at, restores, ...first } = (await history(world))[0] as PolicyChange;
  assert.equal(restores, undefined);
  assert.deepEqual(first, {
    ...{ scope: "session", number: 1, by: "anonymous", label: "shell-1" },
    ...{ policy: { rules: 1 }, isInForce: true },
  });
  assert.equal(at, world.clock.wall());
  await set(world, [denying("move"), denying("create")]);
  await set(world, []);
  assert.deepEqual(await lines(world), ["3* 0", "2 2", "1 1"]);
  assert.deepEqual(await lines(world, "sites/north"), []);
});

test("[A47] a policy that is equal to the one in force changes nothing", async () => {
  await using world = await ControlWorld.make("north");
  await set(world, []);
  for (let time = 0; time < 3; time++) await set(world, [denying("move")]);
  assert.deepEqual(await lines(world), ["1* 1"]);
});

test("[A47] a rollback sets the one of before again, or that of a number, as a change of its own", async () => {
  await using world = await ControlWorld.make("north");
  await set(world, [denying("move")]);
  await set(world, [denying("create")]);
  await assert.rejects(world.create("one", "north"), { code: "denied" });
  assert.deepEqual(await rollback(world), { number: 1 });
  assert.deepEqual(await inForce(world), [denying("move")]);
  await world.create("one", "north");
  assert.deepEqual(await rollback(world), { number: 2 });
  assert.deepEqual(await inForce(world), [denying("create")]);
  assert.deepEqual(await rollback(world, 1), { number: 1 });
  assert.deepEqual(await lines(world), ["5* 1 (1)", "4 1 (2)", "3 1 (1)", "2 1", "1 1"]);
  assert.deepEqual(await rollback(world, 0), { number: 0 });
  assert.equal(await inForce(world), undefined);
});

test("[A47] the first policy is undone, too; where there is none of before, that is said", async () => {
  await using world = await ControlWorld.make("north");
  await assert.rejects(rollback(world), {
    code: "policy-invalid",
    message: /no policy of before is kept; expected a scope whose policy was changed/,
  });
  await set(world, [denying("move")]);
  for (const number of [1, 2])
    await assert.rejects(rollback(world, number), { code: "policy-invalid" }, `${number}`);
  assert.deepEqual(await rollback(world), { number: 0 });
  assert.equal(await inForce(world), undefined);
  await assert.rejects(rollback(world, 7), {
    message: /no policy of before has the number 7; expected one of 1/,
  });
});

test("[A47] policies of before are kept in the directory: another leader goes on with them", async () => {
  await using world = await ControlWorld.make("north");
  await set(world, [denying("move")]);
  await set(world, [denying("create")]);
  await world.restartLeader();
  assert.deepEqual(await lines(world), ["2* 1", "1 1"]);
  assert.deepEqual(await rollback(world), { number: 1 });
});

test("[A47] what was in force before changes were kept is the first", async () => {
  await using world = await ControlWorld.make("north");
  await world.directory.put("policy/session", [denying("move")] as never);
  assert.deepEqual(await lines(world), ["1* 1"]);
  await set(world, [denying("create")]);
  assert.deepEqual(await lines(world), ["2* 1", "1 1"]);
  assert.equal((await history(world))[1]?.at, undefined);
  assert.deepEqual(await rollback(world), { number: 1 });
});

test("[A47] the newest are kept, fewer when they are large", async () => {
  await using world = await ControlWorld.make("north");
  for (let number = 1; number <= LIMITS.policyHistoryMax + 3; number++)
    await set(world, [{ ...(denying("move") as object), reason: `${number}` }]);
  const kept = await history(world);
  assert.equal(kept.length, LIMITS.policyHistoryMax);
  assert.equal(kept.at(-1)?.number, 4);
  const reason = "x".repeat(500);
  const large = (by: number): unknown[] =>
    Array.from({ length: 256 }, () => ({ ...(denying("move") as object), reason, label: `${by}` }));
  await set(world, large(1));
  await set(world, large(2));
  assert.deepEqual(await lines(world), ["37* 256"]);
});

test("[A33] [A47] who may not read a policy reads no history of it, and sets nothing again", async () => {
  await using world = await ControlWorld.make("north");
  await world.create("radio", "north");
  await set(world, [denying("move")], "session");
  await set(world, [denying("move")], "streams/radio");
  const site = { by: "site:north" } as const;
  for (const scope of ["session", "streams/radio"]) {
    const asked = { scope, ...site };
    await assert.rejects(world.ask("policy-history", asked, NORTH), { code: "denied" });
    await assert.rejects(world.ask("rollback-policy", asked, NORTH), { code: "denied" });
  }
  assert.deepEqual(await world.ask("policy-history", site, NORTH), []);
  const all = (await world.ask("policy-history", SHELL)) as unknown as PolicyChange[];
  assert.deepEqual(
    all.map(({ scope, number, isInForce }) => `${scope} ${number} ${isInForce}`),
    ["session 1 true", "streams/radio 1 true"],
  );
  for (const scope of [5, "all", "streams/a/b"])
    await assert.rejects(world.ask("policy-history", { scope, ...SHELL } as never), {
      code: "policy-invalid",
    });
});

test("[A46] [A47] code that is set again is started first; what is in force stays when that fails", async () => {
  await using world = await ControlWorld.make("north");
  const faults = new Set<string>();
  const judge: PolicyJudge = {
    judge: async () => ({ effect: "allow" }),
    check: async (_scope, { file = "" }) => {
      if (faults.has(file)) throw new MeanderError("policy-invalid", "it cannot judge");
    },
    startTrial: () => assert.fail("nothing is tried"),
    forget: () => {},
  };
  world.judge = judge;
  await world.restartLeader();
  await set(world, codeOf("a"));
  await set(world, codeOf("b"));
  assert.deepEqual(await lines(world), ["2* b.ts", "1 a.ts"]);
  faults.add("a.ts");
  await assert.rejects(rollback(world), { code: "policy-invalid", message: /it cannot judge/ });
  assert.deepEqual(await inForce(world), codeOf("b"));
  faults.clear();
  assert.deepEqual(await rollback(world), { number: 1 });
  assert.deepEqual(await inForce(world), codeOf("a"));
});

test("[A47] with a stream its former policies are forgotten, unless it still has one", async () => {
  await using world = await ControlWorld.make("north");
  for (const name of ["one", "two"]) {
    await world.create(name, "north");
    await set(world, [denying("move")], `streams/${name}`);
  }
  await set(world, [], "streams/one");
  for (const stream of ["one", "two"]) await world.ask("destroy-stream", { stream, ...SHELL });
  assert.deepEqual(await lines(world, "streams/one"), []);
  assert.deepEqual(await lines(world, "streams/two"), ["1* 1"]);
});
