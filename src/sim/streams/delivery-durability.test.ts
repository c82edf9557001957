/** [M7] [M9] [M52] What is kept when a site ends or is silent, and when it is replaced, in a simulated session. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../base/index.ts";
import { DURABLE, Session } from "./delivery-session.test.support.ts";

test("[M7] after `kill -9` of its site a stream goes on elsewhere, with everything, in order and once", async () => {
  const session = await Session.start(4);
  await session.make("foo", "s1", { ...DURABLE, failureManagers: ["s2"] });
  await session.make("bar", "s3", { ...DURABLE });
  const shell = session.shell("s0");
  const values = Array.from({ length: 60 }, (_, index) => index);
  for (const value of values) {
    await session.do(shell.append("foo", { to: "bar", value }));
    if (value === 30) session.site("s1").kill();
  }
  await session.pass(5_000);
  assert.equal(session.record("foo")?.site, "s2");
  const foo = await session.kept("foo");
  assert.deepEqual(foo.got, values);
  assert.deepEqual(foo.was, ["failure"]);
  assert.deepEqual((await session.kept("bar")).got, values);
});

test("[M7] a stream without durability starts again with the briefcases of its agents, and its senders continue", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  await session.make("bar", "s2");
  const shell = session.shell("s0");
  for (const value of [1, 2])
    await session.do(shell.append("foo", { to: "bar", value }, { until: "consumed" }));
  await session.pass(100);
  session.site("s1").kill();
  for (const value of [3, 4])
    await session.do(shell.append("foo", { to: "bar", value }, { until: "consumed" }));
  await session.pass(1_000);
  const foo = await session.kept("foo");
  assert.deepEqual([foo.got, foo.was], [[3, 4], ["failure"]]);
  // [M6] Its numbers were lost with it, and it asked where to go on.
  assert.deepEqual((await session.kept("bar")).got, [1, 2, 3, 4]);
});

test("[M7] [M51] with checkpoints a stream begins with the last one, and its senders go on", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1", { durability: { type: "checkpoint", every: 4 } });
  await session.make("bar", "s2");
  const shell = session.shell("s0");
  const append = (value: number) =>
    session.do(shell.append("foo", { to: "bar", value }, { until: "consumed" }));
  for (const value of [1, 2, 3, 4, 5, 6]) await append(value);
  await session.pass(100);
  session.site("s1").kill();
  for (const value of [7, 8]) await append(value);
  await session.pass(1_000);
  assert.deepEqual((await session.kept("foo")).got, [1, 2, 3, 4, 7, 8]);
  assert.deepEqual((await session.kept("bar")).got, [1, 2, 3, 4, 5, 6, 7, 8]);
});

test("[M52] when its keeper is gone a stream goes on with the next one, from which it is recovered with everything", async () => {
  const session = await Session.start(4);
  await session.make("foo", "s1", { ...DURABLE, failureManagers: ["s2", "s3"] });
  const shell = session.shell("s0");
  const append = (value: number) => session.do(shell.append("foo", value, { until: "consumed" }));
  for (const value of [1, 2]) await append(value);
  assert.equal(session.record("foo")?.keeper, "s2");
  session.site("s2").kill();
  for (const value of [3, 4]) await append(value);
  await session.until(() => session.record("foo")?.keeper === "s3");
  session.site("s1").kill();
  await append(5);
  const { got, was } = await session.kept("foo");
  assert.deepEqual([got, was], [[1, 2, 3, 4, 5], ["failure"]]);
});

test("[M52] when host and keeper are both away a stream waits, says for whom, and has everything when the keeper is back", async () => {
  const session = await Session.start(4);
  await session.make("foo", "s1", { ...DURABLE, failureManagers: ["s2", "s3"] });
  const shell = session.shell("s0");
  for (const value of [1, 2]) await session.do(shell.append("foo", value, { until: "consumed" }));
  for (const name of ["s1", "s2"]) session.site(name).kill();
  await session.do(shell.append("foo", 3));
  await session.until(() => session.record("foo")?.status === "lost");
  assert.match(session.record("foo")?.why ?? "", /waits for s2/);
  await session.pass(20_000);
  assert.equal(session.record("foo")?.status, "lost");
  session.world.run(() => session.site("s2").boot());
  await session.until(() => session.record("foo")?.status === "live");
  await session.pass(5_000);
  assert.deepEqual((await session.kept("foo")).got, [1, 2, 3]);
});

test("[M9] a site that is seen to end is replaced at once", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const began = session.world.clock.now();
  session.site("s1").kill();
  await session.until(() => session.record("foo")?.site !== "s1");
  assert.ok(session.world.clock.now() - began < 1_000);
});

test("[M9] a silent site is replaced after 2 s where its commits are refused from then on, else when its lease has run out", async () => {
  for (const [durability, fromMs, toMs] of [
    [{ type: "message" }, LIMITS.siteSilenceMs - 600, 4_000],
    [{ type: "none" }, 9_000, LIMITS.leaseMs + 3_000],
  ] as const) {
    const session = await Session.start(3);
    await session.make("foo", "s1", { durability, failureManagers: ["s2"] });
    const began = session.world.clock.now();
    for (const other of ["s0", "s2"]) session.world.network.partition("s1", other);
    await session.until(() => session.record("foo")?.site === "s2");
    const ms = session.world.clock.now() - began;
    assert.ok(ms >= fromMs && ms <= toMs, `${durability.type}: after ${ms} ms`);
    // The old host comes back, and finds that what it has is void.
    for (const other of ["s0", "s2"]) session.world.network.repair("s1", other);
    await session.until(() => session.site("s1").streams?.resident(1) === undefined);
    await session.do(
      session.shell("s1").append("foo", 1, { until: "consumed", timeoutMs: 10_000 }),
    );
    assert.deepEqual((await session.kept("foo")).got, [1]);
  }
});

test("[M9] a leader that is away for less than a lease stops nothing", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  await session.pass(LIMITS.leaseMs);
  const shell = session.shell("s2");
  await session.do(shell.append("foo", 0, { until: "consumed" }));
  session.site("s0").kill();
  for (let value = 1; value <= 5; value++) {
    await session.do(shell.append("foo", value, { until: "consumed", timeoutMs: 500 }));
    await session.pass(1_000);
  }
});
