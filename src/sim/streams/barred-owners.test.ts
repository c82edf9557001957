/** [A75] Owners whose agents run no more, in a simulated session. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BARRED_KEYS, barOwner, letOwner } from "../../session/index.ts";
import { DURABLE, Session } from "./delivery-session.test.support.ts";

const OWNER = "anonymous:maker@s0";

test("[A75] messages to a stream whose agents are stopped wait, also when its site ends, and run once, in order", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1", { ...DURABLE, failureManagers: ["s2"] });
  const shell = session.shell("s0", "sender");
  await session.do(shell.append("foo", 1, { until: "consumed" }));
  const { directory } = session.site("s0").session;
  assert.ok(directory);
  assert.equal(await session.do(barOwner(directory, "1", { owner: OWNER, at: 0 })), true);
  await session.pass(100);
  for (const value of [2, 3, 4]) await session.do(shell.append("foo", value));
  await session.pass(5_000);
  assert.deepEqual((await session.kept("foo")).got, [1]);
  await assert.rejects(session.do(shell.move("foo", "s0")), { code: "owner-barred" });
  assert.equal(session.record("foo")?.site, "s1");
  session.site("s1").kill();
  await session.pass(60_000);
  assert.equal(session.record("foo")?.status, "lost");
  assert.equal(await session.do(letOwner(directory, OWNER)), true);
  assert.ok((await directory.list(BARRED_KEYS)).length === 0);
  const isBack = (): boolean => {
    const { status, site } = session.record("foo") ?? assert.fail("there is its record");
    return status === "live" && site !== "s1";
  };
  await session.until(isBack, 120_000);
  await session.pass(20_000);
  assert.deepEqual((await session.kept("foo")).got, [1, 2, 3, 4]);
});

test("[A75] a storm of stops loses no message and repeats none", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const session = await Session.start(2, seed);
    await session.make("foo", "s1");
    const shell = session.shell("s0", "sender");
    const { directory } = session.site("s0").session;
    assert.ok(directory);
    const values: number[] = [];
    for (let round = 0; round < 20; round++) {
      if (round % 4 === 1)
        await session.do(barOwner(directory, `${round}`, { owner: OWNER, at: 0 }));
      values.push(round);
      await session.do(shell.append("foo", round));
      await session.pass((round * 7 * seed) % 40);
      if (round % 4 === 3) await session.do(letOwner(directory, OWNER));
    }
    await session.do(letOwner(directory, OWNER));
    await session.pass(60_000);
    assert.deepEqual((await session.kept("foo")).got, values);
  }
});
