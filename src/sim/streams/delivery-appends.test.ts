/** [M10] [M12] When an append ends, and groups, in a simulated session. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, type MeanderError } from "../../base/index.ts";
import { Session } from "./delivery-session.test.support.ts";

test("[M10] an append ends when its home site holds the message, and waits while the window is full", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  session.world.network.partition("s1", "s2");
  const shell = session.shell("s2");
  const most = LIMITS.streamWindowSegmentsMax;
  for (let value = 0; value < most; value++) await session.do(shell.append("foo", value));
  let ended = false;
  const waiting = shell.append("foo", most).then(() => {
    ended = true;
  });
  await session.pass(2_000);
  assert.equal(ended, false);
  session.world.network.repair("s1", "s2");
  await session.do(waiting);
  await session.pass(5_000);
  const { got } = await session.kept("foo");
  assert.equal(got.length, most + 1);
  assert.deepEqual(
    got,
    [...got].sort((a, b) => Number(a) - Number(b)),
  );
});

test("[M10] what a shell has appended is delivered after it has left", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  session.world.network.partition("s1", "s2");
  const shell = session.shell("s2");
  for (const value of [1, 2, 3]) await session.do(shell.append("foo", value));
  await session.do(shell.close());
  await session.pass(1_000);
  session.world.network.repair("s1", "s2");
  await session.pass(5_000);
  assert.deepEqual((await session.kept("foo")).got, [1, 2, 3]);
});

test("[M10] `until: consumed` gives the handler's answer, or ends at its time while the message stays on its way", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const shell = session.shell("s2");
  const { id, reply } = await session.do(shell.append("foo", 1, { until: "consumed" }));
  assert.equal(reply, "thanks");
  assert.match(id, />foo#1$/);
  session.world.setTime("append", 2_000);
  await assert.rejects(session.do(shell.append("foo", 2, { until: "consumed", timeoutMs: 500 })), {
    code: "append-timeout",
  });
  await session.pass(3_000);
  assert.deepEqual((await session.kept("foo")).got, [1, 2]);
});

test("[M10] in a handler, an append that waits needs a time, and never waits for itself, directly or through others", async () => {
  const session = await Session.start(3);
  const asks = (options: string): string => `export default {
    name: "asks", isolation: "inline", onError: { retry: 0, then: "skip" }, briefcase: { got: [] },
    on: { async append(ctx, value) { return (await ctx.open(value[0]).append(value.slice(1), { until: "consumed", ${options} })).reply; } },
  };`;
  await session.make("foo", "s1", {}, asks("timeoutMs: 2000"));
  await session.make("bar", "s2", {}, asks("timeoutMs: 2000"));
  await session.make("hasty", "s1", {}, asks(""));
  await session.make("end", "s1");
  const shell = session.shell("s0");
  const ask = (to: string, value: unknown) =>
    session.do(shell.append(to, value, { until: "consumed", timeoutMs: 10_000 }));
  assert.equal((await ask("foo", ["bar", "end", 1])).reply, "thanks");
  for (const [to, path] of [
    ["foo", ["foo", "end", 1]],
    ["foo", ["bar", "foo", "end", 1]],
  ] as const) {
    await assert.rejects(
      ask(to, path),
      (error: MeanderError) =>
        error.code === "call-cycle" || /waits, itself or through others/.test(error.message),
    );
  }
  await assert.rejects(ask("hasty", ["end", 1]), /timeout/i);
  assert.equal((await session.kept("end")).got.length, 1);
});

test("[M12] a group reaches each member in order, and each answers for itself", async () => {
  const session = await Session.start(4);
  await session.make("foo", "s1");
  await session.make("bar", "s2");
  const shell = session.shell("s3");
  session.world.network.partition("s2", "s3");
  const group = shell.group(["foo", "bar", "unknown"]);
  for (const value of [1, 2, 3]) {
    const results = await session.do(group.append(value));
    assert.deepEqual([...results.keys()], ["foo", "bar", "unknown"]);
    assert.equal((results.get("unknown") as MeanderError).code, "stream-unknown");
  }
  await session.pass(1_000);
  assert.deepEqual((await session.kept("foo")).got, [1, 2, 3]);
  assert.deepEqual((await session.kept("bar")).got, []);
  session.world.network.repair("s2", "s3");
  await session.pass(5_000);
  assert.deepEqual((await session.kept("bar")).got, [1, 2, 3]);
});
