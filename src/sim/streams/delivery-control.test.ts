/** [M11] Policies and control requests, in a simulated session. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeanderError } from "../../base/index.ts";
import { Session } from "./delivery-session.test.support.ts";

test("[M11] the session's policy comes before the site's, and that before the stream's; the first that denies says why", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const owner = session.shell("s0", "owner");
  const eve = session.shell("s1", "eve");
  const rule = (reason: string) => [{ effect: "deny", actions: ["move"], label: "eve", reason }];
  const denied = (reason: string) => (error: MeanderError) =>
    error.code === "denied" && error.what.endsWith(reason);
  await session.do(owner.setPolicy("session", rule("the session says no")));
  await session.do(owner.setPolicy("sites/s2", rule("the site says no")));
  await session.do(owner.setPolicy("streams/foo", rule("the stream says no")));
  for (const [scope, reason] of [
    ["session", "the session says no"],
    ["sites/s2", "the site says no"],
    ["streams/foo", "the stream says no"],
  ] as const) {
    await session.pass(100);
    await assert.rejects(session.do(eve.move("foo", "s2")), denied(reason));
    assert.equal(session.record("foo")?.site, "s1");
    await session.do(owner.setPolicy(scope, []));
  }
  await session.pass(100);
  await session.do(eve.move("foo", "s2"));
  assert.equal(session.record("foo")?.site, "s2");
  assert.equal(session.events.filter(({ type }) => type === "denied").length, 3);
});

test("[M11] a policy is judged by who asks, and by where the stream would be", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const owner = session.shell("s0", "owner");
  await session.do(
    owner.setPolicy("streams/foo", [
      { effect: "allow", actions: ["move"], label: "owner", site: "s2" },
      { effect: "deny", actions: ["move"], reason: "only there, and only by the owner" },
    ]),
  );
  await session.pass(100);
  await assert.rejects(session.do(owner.move("foo", "s0")), { code: "denied" });
  await assert.rejects(session.do(session.shell("s1", "eve").move("foo", "s2")), {
    code: "denied",
  });
  await session.do(owner.move("foo", "s2"));
  assert.equal(session.record("foo")?.site, "s2");
});

test("[M11] a sender that may not append is told so, at once when it waits", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const owner = session.shell("s0", "owner");
  await session.do(
    owner.setPolicy("streams/foo", [
      { effect: "deny", actions: ["append"], label: "eve", reason: "not you" },
    ]),
  );
  await session.pass(100);
  const eve = session.shell("s2", "eve");
  await assert.rejects(
    session.do(eve.append("foo", 1, { until: "consumed" })),
    (error: MeanderError) => error.code === "append-denied" && error.what === "not you",
  );
  await session.do(session.shell("s2", "bob").append("foo", 2, { until: "consumed" }));
  assert.deepEqual((await session.kept("foo")).got, [2]);
});

test("[M11] control requests about one stream are done one at a time; those about others do not wait for them", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  await session.make("bar", "s1");
  session.world.setTime("departure", 1_000);
  const [shell, other] = [session.shell("s0"), session.shell("s2")];
  const order: string[] = [];
  const note = (what: string) => (): void => void order.push(what);
  const all = [
    shell.move("foo", "s2").then(note("to s2")),
    other.move("foo", "s0").then(note("to s0")),
    shell.createStream("third", { at: "s1" }).then(note("another")),
  ];
  await session.do(Promise.all(all));
  assert.deepEqual(order, ["another", "to s2", "to s0"]);
  assert.deepEqual(session.record("foo")?.streamEpoch, 3);
});

test("[M11] messages go from site to site, without the leader", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const shell = session.shell("s2");
  await session.do(shell.append("foo", 0, { until: "consumed" }));
  for (const site of ["s1", "s2"]) session.world.network.partition("s0", site);
  for (const value of [1, 2, 3])
    await session.do(shell.append("foo", value, { until: "consumed", timeoutMs: 500 }));
});

/** A policy that is code: lets nobody append whose label it has, and says who asked. */
function only(label: string, forMs: number): { source: string } {
  return {
    source: `export default { on: { judge(ctx, { action, label, by, stream }) {
      if (action !== "open") return true;
      return label === "${label}" || by === "stream:bar"
        ? { effect: "allow", forMs: ${forMs} }
        : { effect: "deny", reason: label + " to " + stream + " is not for you" };
    } } }`,
  };
}

test("[A61] code judges who appends, once; another policy revokes that at once", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  await session.make("bar", "s2");
  const owner = session.shell("s0", "owner");
  const alice = session.shell("s2", "alice");
  const bob = session.shell("s2", "bob");
  const waits = { until: "consumed" } as const;
  const denied = (error: MeanderError): boolean =>
    error.code === "append-denied" && /is not for you/.test(error.what);
  await session.do(owner.setPolicy("streams/foo", only("alice", 20_000)));
  await session.pass(100);
  await session.do(alice.append("foo", 1, waits));
  await assert.rejects(session.do(bob.append("foo", 0, waits)), denied);
  await session.do(alice.append("bar", { to: "foo", value: 2 }, waits));
  await session.do(alice.append("foo", 3, waits));
  await session.do(owner.setPolicy("streams/foo", only("bob", 20_000)));
  await session.pass(100);
  await assert.rejects(session.do(alice.append("foo", 0, waits)), denied);
  await session.do(bob.append("foo", 4, waits));
  await session.do(owner.setPolicy("streams/foo", []));
  await session.pass(100);
  await session.do(alice.append("foo", 5, waits));
  assert.deepEqual((await session.kept("foo")).got.sort(), [1, 2, 3, 4, 5]);
  await session.do(owner.setPolicy("session", only("alice", 20_000)));
  await session.pass(100);
  await session.do(owner.move("foo", "s2"));
  await assert.rejects(session.do(bob.append("foo", 0, waits)), denied, "also where it is then");
  await session.do(alice.append("foo", 6, waits));
  assert.deepEqual((await session.kept("foo")).got.sort(), [1, 2, 3, 4, 5, 6]);
});

test("[A61] a site without its leader goes by what policies have said until that ends", async () => {
  const session = await Session.start(3);
  await session.make("foo", "s1");
  const owner = session.shell("s0", "owner");
  const alice = session.shell("s2", "alice");
  const waits = { until: "consumed" } as const;
  await session.do(owner.setPolicy("session", only("alice", 5_000)));
  await session.pass(100);
  await session.do(alice.append("foo", 1, waits));
  session.site("s0").kill();
  await session.do(alice.append("foo", 2, waits));
  const stranger = session.shell("s1", "alice-2");
  // Nothing can be said of a stranger, and no more of alice in the end: what they send waits for the leader's return.
  const strange = stranger.append("foo", 0, waits);
  await session.pass(5_000);
  const late = alice.append("foo", 3, waits);
  await session.pass(2_000);
  await session.do(session.site("s0").boot());
  const denied = (error: MeanderError): boolean =>
    error.code === "append-denied" && /is not for you/.test(error.what);
  await assert.rejects(session.do(strange), denied);
  await session.do(late);
  assert.deepEqual((await session.kept("foo")).got.sort(), [1, 2, 3]);
});
