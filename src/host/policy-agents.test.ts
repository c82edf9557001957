import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DEFAULT_LIMITS, InlineExecutor } from "../agent/index.ts";
import { SILENT, SystemClock, SystemRandom } from "../base/index.ts";
import { CodeStore, prepareCode } from "../code/index.ts";
import type { CodePolicy } from "../session/index.ts";
import { packValue } from "../wire/index.ts";
import { PolicyAgents } from "./policy-agents.ts";

const clock = new SystemClock();
const executor = await InlineExecutor.open({ clock, log: SILENT });
after(() => executor[Symbol.asyncDispose]());
const code = new CodeStore();
const MOVE = { at: 1_000, action: "move", by: "subject:alice", stream: "radio", site: "north" };

async function policyOf(judge: string): Promise<CodePolicy> {
  const source = `export default { on: { judge: ${judge} } }`;
  const prepared = await prepareCode("agent", { source, file: "policy.js" });
  await code.put(prepared);
  const briefcase = Buffer.from(packValue({})).toString("base64");
  return { code: prepared.sha256, file: "policy.js", limits: DEFAULT_LIMITS, briefcase };
}

function open(): PolicyAgents {
  const random = new SystemRandom();
  return new PolicyAgents({ executor, code, site: "north", clock, random, log: SILENT });
}

test("a scope is judged by its policy, and by a new one from the next request on", async () => {
  const agents = open();
  const first = await policyOf(
    `async () => { await null; return { effect: "deny", reason: "1" } }`,
  );
  const second = await policyOf(`() => ({ effect: "deny", reason: "2" })`);
  const verdicts = await Promise.all([
    ...[agents.judge("session", first, MOVE), agents.judge("session", first, MOVE)],
    ...[agents.judge("session", second, MOVE), agents.judge("session", first, MOVE)],
  ]);
  assert.deepEqual(
    verdicts.map(({ reason }) => reason),
    ["1", "1", "2", "1"],
  );
  agents.close();
});

test("scopes have policies of their own, also with the same code", async () => {
  const agents = open();
  const policy = await policyOf(
    `(ctx) => { ctx.briefcase.n = (ctx.briefcase.n ?? 0) + 1; return { effect: "deny", reason: ctx.stream + ctx.briefcase.n } }`,
  );
  const judged = [];
  for (const scope of ["session", "sites/north", "session"])
    judged.push((await agents.judge(scope, policy, MOVE)).reason);
  assert.deepEqual(judged, ["session1", "sites/north1", "session2"]);
  agents.close();
});

test("a policy that cannot be started denies, and is refused where it is checked", async () => {
  const agents = open();
  const noJudge = await policyOf("undefined");
  const throws = { ...(await policyOf("() => true")), code: "f".repeat(64) };
  for (const policy of [noJudge, throws]) {
    const { effect, reason } = await agents.judge("session", policy, MOVE);
    assert.equal(effect, "deny");
    assert.match(reason ?? "", /^the policy cannot be started: /);
    await assert.rejects(agents.check("session", policy));
  }
  const well = await policyOf("() => true");
  await agents.check("session", well);
  assert.deepEqual(await agents.judge("session", well, MOVE), { effect: "allow" });
  agents.forget("session");
  assert.deepEqual(await agents.judge("session", well, MOVE), { effect: "allow" });
  agents.close();
});

test("what was checked judges when it comes into force, and ends when something else does", async () => {
  const agents = open();
  const counting = await policyOf(
    `(ctx) => { ctx.briefcase.n = (ctx.briefcase.n ?? 0) + 1; return { effect: "deny", reason: String(ctx.briefcase.n) } }`,
  );
  const other = await policyOf(`() => ({ effect: "deny", reason: "other" })`);
  await agents.check("session", counting);
  await agents.check("session", counting);
  assert.equal((await agents.judge("session", counting, MOVE)).reason, "1");
  await agents.check("session", counting);
  assert.equal((await agents.judge("session", counting, MOVE)).reason, "2", "it is in force");
  assert.equal((await agents.judge("session", other, MOVE)).reason, "other");
  agents.forget("session");
  assert.equal((await agents.judge("session", counting, MOVE)).reason, "1");
  agents.close();
});
