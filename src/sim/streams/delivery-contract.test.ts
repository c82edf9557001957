/**
 * The rules of docs/spec/streams.md that more than the kernel keeps, in a simulated session: leader, sites, agents and
 * shells as they ship.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamEvent } from "../../agent/index.ts";
import { LIMITS, type MeanderError } from "../../base/index.ts";
import { Shell } from "../../session/shell/index.ts";
import type { SimSite } from "./sim-site.ts";
import { StreamWorld } from "./stream-world.ts";

/** Keeps the values that it gets, and how it came to be where it is; passes on what names another stream. */
const KEEPS = `export default {
  name: "keeps",
  isolation: "inline",
  briefcase: { got: [], was: [] },
  on: {
    append(ctx, value) {
      ctx.briefcase.got.push(value?.value ?? value);
      if (value?.to) ctx.open(value.to).append(value.value);
      return "thanks";
    },
    arrival(ctx, event) { ctx.briefcase.was.push("arrival"); },
    departure(ctx, event) { ctx.briefcase.was.push("departure"); },
    failure(ctx, event) { ctx.briefcase.was.push("failure"); },
  },
};`;

interface Kept {
  readonly got: unknown[];
  readonly was: string[];
}

/** A session of sites s0 (which leads), s1, s2, … */
class Session {
  readonly world: StreamWorld;
  readonly events: StreamEvent[] = [];

  private constructor(world: StreamWorld) {
    this.world = world;
    world.onEvent((_site, event) => void this.events.push(event));
  }

  static async start(count: number, seed = 1): Promise<Session> {
    const world = new StreamWorld({ seed });
    for (let index = 0; index < count; index++) world.addSite({ name: `s${index}` });
    const session = new Session(world);
    await world.start();
    return session;
  }

  site(name: string): SimSite {
    return this.world.site(name);
  }

  shell(site: string, name?: string): Shell {
    return new Shell(this.world.shell(this.site(site), name));
  }

  /** Does something that takes virtual time. Rejects as it does; fails when it takes more than a minute. */
  async do<T>(task: Promise<T>): Promise<T> {
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    task.then(end, end);
    await this.world.advance(this.world.clock.now() + 60_000, () => ended);
    assert.deepEqual(this.world.invariants.violations, []);
    assert.ok(ended, "it takes too long");
    return await task;
  }

  async pass(ms: number): Promise<void> {
    await this.world.advance(this.world.clock.now() + ms);
    assert.deepEqual(this.world.invariants.violations, []);
  }

  async until(fact: () => boolean, ms = 60_000): Promise<void> {
    await this.world.advance(this.world.clock.now() + ms, fact);
    assert.ok(fact(), `not within ${ms} ms`);
  }

  /** A stream that keeps what it gets. */
  async make(
    name: string,
    at: string,
    options: Parameters<Shell["createStream"]>[1] = {},
    source = KEEPS,
  ): Promise<void> {
    const shell = this.shell("s0", "maker");
    await this.do(shell.createStream(name, { at, ...options }));
    await this.do(shell.registerAgent(name, { source }));
    await this.do(shell.close());
  }

  async kept(name: string): Promise<Kept> {
    const shell = this.shell("s0");
    const { briefcases } = await this.do(shell.inspect(name));
    await this.do(shell.close());
    return Object.values(briefcases)[0] as Kept;
  }

  /** Where the directory says that it is. */
  record(name: string) {
    return this.site("s0").streams?.table.byName(name);
  }
}

const DURABLE = { durability: { type: "message" } } as const;

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
