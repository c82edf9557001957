import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, MeanderError, VirtualClock } from "../base/index.ts";
import type { JudgeAnswer } from "../session/index.ts";
import { Grants, type GrantVerdict } from "./grants.ts";

const DENIED = new MeanderError("denied", "bob may not append", {
  where: "policy session, code a",
});
const AWAY = new MeanderError("directory-unreachable", "the leader is away");

/** A leader that answers what a test says, when the test says so. */
class ScriptedLeader {
  readonly clock = new VirtualClock();
  readonly grants = new Grants(this.clock);
  asked = 0;
  answer: () => Promise<JudgeAnswer | null> = async () => ({ forMs: LIMITS.grantMs });

  check(by = "bob", stream = "radio"): GrantVerdict | Promise<GrantVerdict> {
    return this.grants.check(`${stream} ${by}`, stream, () => {
      this.asked++;
      return this.answer();
    });
  }
}

test("[A61] a verdict is asked for once, looked up from then on, and asked for again before it ends", async () => {
  const leader = new ScriptedLeader();
  const [one, two] = [leader.check(), leader.check()];
  assert.ok(one instanceof Promise && one === two, "the second waits for the first");
  assert.equal(await one, undefined);
  for (let count = 0; count < 1_000; count++) assert.equal(leader.check(), undefined);
  assert.equal(leader.asked, 1);
  leader.clock.advance(LIMITS.grantMs * 0.8);
  assert.equal(leader.check(), undefined, "nothing waits for that");
  assert.equal(leader.asked, 2);
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  leader.clock.advance(LIMITS.grantMs * 0.7);
  assert.equal(leader.check(), undefined);
});

test("[A61] a denial says which policy it was, holds for a while, and takes nothing from others", async () => {
  const leader = new ScriptedLeader();
  leader.answer = () => Promise.reject(DENIED);
  const denial = { reason: "bob may not append", rule: "policy session, code a" };
  assert.deepEqual(await leader.check(), denial);
  assert.deepEqual(leader.check(), denial);
  leader.answer = async () => ({ forMs: 100 });
  assert.equal(await leader.check("alice"), undefined);
  leader.clock.advance(LIMITS.grantDeniedMs);
  assert.equal(await leader.check(), undefined);
  assert.equal(leader.asked, 3);
  leader.clock.advance(100);
  assert.ok(leader.check() instanceof Promise, "a policy said for how long");
});

test("[A61] a policy's end ends what it said, also what it is about to say", async () => {
  const leader = new ScriptedLeader();
  await leader.check("bob", "radio");
  await leader.check("bob", "tv");
  leader.grants.revoke("radio");
  assert.equal(leader.check("bob", "tv"), undefined);
  leader.answer = () => Promise.reject(DENIED);
  assert.ok((await leader.check("bob", "radio")) !== undefined);
  leader.grants.revoke();
  const answers = [
    () => {
      leader.grants.revoke();
      return Promise.resolve({ forMs: 1_000 });
    },
    () => Promise.reject(DENIED),
  ];
  leader.answer = () => (answers.shift() as () => Promise<JudgeAnswer>)();
  assert.ok((await leader.check("bob", "tv")) !== undefined, "the new policy decides");
  leader.grants.revoke();
  leader.answer = () => {
    leader.grants.revoke();
    return Promise.resolve({ forMs: 1_000 });
  };
  const verdict = await leader.check("bob", "tv");
  assert.match(verdict?.reason ?? "", /replaced while it judged/);
});

test("[A61] without a leader a grant lasts until its end, and nothing is decided about others", async () => {
  const leader = new ScriptedLeader();
  await leader.check();
  leader.answer = () => Promise.reject(AWAY);
  for (let second = 1; second < LIMITS.grantMs / 1_000; second++) {
    leader.clock.advance(1_000);
    assert.equal(leader.check(), undefined);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const alice = await leader.check("alice");
  assert.match(alice?.reason ?? "", /the leader has not said .* the leader is away/);
  assert.equal(alice?.rule, "directory-unreachable");
  assert.equal(alice?.isUndecided, true);
  leader.clock.advance(1_000);
  assert.match((await leader.check())?.reason ?? "", /the leader is away/);
  leader.answer = async () => ({ forMs: 1_000 });
  leader.clock.advance(1_000);
  assert.equal(await leader.check(), undefined);
});

test("[A61] what is kept and asked at once is bounded; what was asked for longest ago makes room", async () => {
  const leader = new ScriptedLeader();
  for (let count = 0; count <= LIMITS.grantsMax; count++) await leader.check(`sender ${count}`);
  assert.equal(leader.grants.count, LIMITS.grantsMax);
  assert.ok(leader.check("sender 0") instanceof Promise);
  assert.equal(leader.check(`sender ${LIMITS.grantsMax}`), undefined);
  leader.answer = () => new Promise(() => {});
  for (let count = 1; count < LIMITS.grantsAskedMax; count++) void leader.check(`more ${count}`);
  const over = leader.check("over");
  assert.ok(!(over instanceof Promise));
  assert.match(over?.reason ?? "", /senders wait/);
});
