/** [M4] [M5] What waits for the current message, and moves, in a simulated session. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DURABLE, type Kept, Session } from "./delivery-session.test.support.ts";

test("[M4] an agent is attached between two messages, not behind all that wait", async () => {
  const session = await Session.start(2);
  await session.make("foo", "s1");
  session.world.setTime("append", 300);
  const shell = session.shell("s0");
  for (let count = 1; count <= 5; count++) await session.do(shell.append("foo", count));
  const began = session.world.clock.now();
  await session.pass(100);
  const source = `export default { name: "late", isolation: "inline", briefcase: { got: [] }, on: { append(ctx, value) { ctx.briefcase.got.push(value); } } };`;
  await session.do(shell.registerAgent("foo", { source }));
  const tookMs = session.world.clock.now() - began;
  assert.ok(tookMs >= 300 && tookMs < 600, `after the current message, not after all: ${tookMs}`);
  await session.until(() => session.site("s1").streams?.resident(1)?.waiting === 0);
  await session.pass(1_000);
  const { briefcases } = await session.do(shell.inspect("foo"));
  assert.deepEqual((briefcases["keeps"] as Kept).got, [1, 2, 3, 4, 5]);
  assert.deepEqual((briefcases["late"] as Kept).got, [2, 3, 4, 5]);
});

test("[M5] a move whose target dies is given up, and the stream goes on where it was", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  session.world.setTime("load", 500);
  const shell = session.shell("s0");
  const moved = shell.move("foo", "s2");
  await session.until(() => session.site("s1").streams?.resident(1)?.isFrozen === true);
  await session.do(shell.append("foo", 1));
  session.site("s2").kill();
  await assert.rejects(session.do(moved), { code: "move-failed" });
  await session.pass(1_000);
  assert.deepEqual((await session.kept("foo")).got, [1]);
  const { site, streamEpoch } = session.record("foo") ?? {};
  assert.deepEqual([site, streamEpoch], ["s1", 1]);
});

test("[M5] a move has a deadline: a handler that takes longer keeps its stream where it is", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  session.world.setTime("append", 3_000);
  const shell = session.shell("s0");
  await session.do(shell.append("foo", 1));
  await session.pass(50);
  const began = session.world.clock.now();
  await assert.rejects(session.do(shell.move("foo", "s2", { deadlineMs: 500 })), {
    code: "move-timeout",
  });
  assert.ok(session.world.clock.now() - began < 1_500);
  session.world.setTime("append", 0);
  await session.do(shell.append("foo", 2));
  await session.pass(4_000);
  const { got, was } = await session.kept("foo");
  assert.deepEqual([got, was], [[1, 2], []]);
  assert.equal(session.record("foo")?.site, "s1");
});

test("[M5] when the leader dies with a stream ready at the target, source and target settle it: it is at one of them, with all it had", async () => {
  const hosts = new Set<string>();
  for (const dieAfterMs of [0, 2, 4, 6, 8, 10, 20]) {
    const session = await Session.start(3);
    await session.make("foo", "s1");
    const shell = session.shell("s1", "writer");
    await session.do(shell.append("foo", 1));
    await session.pass(100);
    session.world.setTime("load", 5);
    shell.move("foo", "s2", { deadlineMs: 2_000 }).catch(() => {
      // No site answers any more.
    });
    await session.until(() => session.site("s1").streams?.resident(1)?.isFrozen === true);
    await session.pass(dieAfterMs);
    session.site("s0").kill();
    await session.do(shell.append("foo", 2));
    await session.pass(500);
    session.world.run(() => session.site("s0").boot());
    const host = (): string | undefined => session.record("foo")?.site;
    await session.until(() => {
      const name = host();
      const resident = name === undefined ? undefined : session.site(name).streams?.resident(1);
      return (
        resident?.isFrozen === false &&
        resident.pairs.size > 0 &&
        [...resident.pairs.values()].every(({ consumed }) => consumed === 2)
      );
    }, 30_000);
    await session.pass(5_000);
    const { got } = await session.kept("foo");
    assert.deepEqual(got, [1, 2], `the leader died after ${dieAfterMs} ms; it is at ${host()}`);
    hosts.add(String(host()));
    const elsewhere = ["s1", "s2"].filter((name) => name !== host());
    for (const name of elsewhere) assert.equal(session.site(name).streams?.resident(1), undefined);
  }
  assert.deepEqual([...hosts].sort(), ["s1", "s2"], "both happen");
});

test("[M5] a source that dies once the record says where the stream is takes nothing with it", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const shell = session.shell("s2");
  for (const value of [1, 2, 3])
    await session.do(shell.append("foo", value, { until: "consumed" }));
  await session.do(shell.move("foo", "s2"));
  session.site("s1").kill();
  await session.do(shell.append("foo", 4, { until: "consumed" }));
  const { got, was } = await session.kept("foo");
  assert.deepEqual(
    [got, was],
    [
      [1, 2, 3, 4],
      ["departure", "arrival"],
    ],
  );
});

test("[M5] a stream that was taken over before it had begun at its new place is given up there", async () => {
  const session = await Session.start(5);
  const { network } = session.world;
  await session.make("foo", "s1", { ...DURABLE, failureManagers: ["s3", "s4"] });
  assert.equal(session.record("foo")?.keeper, "s3");
  // It arrives at s2, which cannot reach the keeper, and so does not begin.
  network.partition("s2", "s3");
  await session.do(session.shell("s0").move("foo", "s2"));
  await session.pass(200);
  assert.equal(session.record("foo")?.site, "s2");
  for (const other of ["s0", "s1", "s4"]) network.partition("s2", other);
  await session.until(() => session.record("foo")?.site === "s3");
  for (const other of ["s0", "s1", "s3", "s4"]) network.repair("s2", other);
  await session.pass(20_000);
  assert.equal(session.site("s2").streams?.resident(1), undefined);
  assert.equal(session.site("s2").streams?.agentsOf(1), undefined);
  await session.do(session.shell("s2").append("foo", 1, { until: "consumed" }));
  assert.deepEqual((await session.kept("foo")).got, [1]);
});
