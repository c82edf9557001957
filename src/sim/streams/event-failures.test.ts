/** [M13] Events whose handlers fail, in a simulated session: agents, shells and moves as they ship. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Shell } from "../../session/shell/index.ts";
import { World } from "../world/world.ts";

/** Fails on events as often as its briefcase says, and keeps what it did not fail on. */
const FAILS = `
const on = (name) => (ctx, event) => {
  const key = "tries." + name;
  ctx.local[key] = (ctx.local[key] ?? 0) + 1;
  if (ctx.local[key] <= (ctx.briefcase.failures[name] ?? 0)) throw new Error(name + " by order");
  ctx.briefcase.got.push(name);
  if (name === "timer") ctx.open("other").append("rung " + event);
};
export default {
  name: "fails",
  isolation: "inline",
  onError: { retry: 2, backoffMs: 10 },
  briefcase: { got: [], failures: {} },
  on: {
    append(ctx, value) {
      ctx.briefcase.got.push(value);
      if (value === "timer") ctx.timer(20, "once");
    },
    timer: on("timer"),
    arrival: on("arrival"),
    departure: on("departure"),
    clientAttached: on("clientAttached"),
  },
};`;

class Session {
  readonly world = new World({ seed: 1 });

  static async start(): Promise<Session> {
    const session = new Session();
    for (const name of ["s0", "s1", "s2"]) session.world.addSite({ name });
    await session.world.start();
    return session;
  }

  shell(): Shell {
    return new Shell(this.world.shell(this.world.site("s0"), "tester"));
  }

  async do<T>(task: Promise<T>): Promise<T> {
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    task.then(end, end);
    await this.world.advance(this.world.clock.now() + 30_000, () => ended);
    assert.deepEqual(this.world.invariants.violations, []);
    assert.ok(ended, "it takes too long");
    return await task;
  }

  async pass(ms: number): Promise<void> {
    await this.world.advance(this.world.clock.now() + ms);
  }

  async make(failures: Record<string, number>): Promise<Shell> {
    const shell = this.shell();
    for (const name of ["foo", "other"]) await this.do(shell.createStream(name, { at: "s1" }));
    const briefcase = { got: [], failures };
    await this.do(shell.registerAgent("foo", { source: FAILS }, { briefcase }));
    return shell;
  }
}

test("[M13] a timer whose handler throws rings again, and what it sent is sent once", async () => {
  const session = await Session.start();
  const shell = await session.make({ timer: 2 });
  await session.do(shell.append("foo", "timer", { until: "consumed" }));
  await session.pass(500);
  const { briefcases, deadLetters, counts } = await session.do(shell.inspect("foo"));
  assert.deepEqual(briefcases["fails"], { got: ["timer", "timer"], failures: { timer: 2 } });
  assert.deepEqual([deadLetters, counts["failed"]], [[], 2]);
  const { senders } = await session.do(shell.inspect("other"));
  assert.deepEqual(senders, [{ name: "foo", consumed: 1 }]);
});

test("[M13] a dead letter that was a timer is seen by its name, explained, edited and played", async () => {
  const session = await Session.start();
  const shell = await session.make({ timer: 3 });
  await session.do(shell.append("foo", "timer", { until: "consumed" }));
  await session.pass(500);
  const id = "fails:timer>foo#1";
  const { deadLetters } = await session.do(shell.inspect("foo"));
  assert.deepEqual(
    deadLetters.map(({ error: _, ...letter }) => letter),
    [{ id, attempts: 3, deaths: [], value: "once" }],
  );
  assert.match(deadLetters[0]?.error ?? "", /timer handler: Error: timer by order/);
  assert.equal((await session.do(shell.why(id))).state, "dead-lettered");
  await session.do(shell.replay("foo", id, "edited"));
  await session.pass(100);
  const after = await session.do(shell.inspect("foo"));
  assert.deepEqual(after.deadLetters, []);
  assert.deepEqual(after.briefcases["fails"], {
    ...{ got: ["timer", "timer"], failures: { timer: 3 } },
  });
  await assert.rejects(session.do(shell.skip("foo", id)), { code: "message-unknown" });
});

test("[M13] departure and arrival handlers that throw hold up no move, and are dead letters where the stream has gone", async () => {
  const session = await Session.start();
  const shell = await session.make({ departure: 99, arrival: 99 });
  const began = session.world.clock.now();
  await session.do(shell.move("foo", "s2"));
  await session.do(shell.append("foo", 1, { until: "consumed" }));
  assert.ok(session.world.clock.now() - began < 500);
  const { site, deadLetters } = await session.do(shell.inspect("foo"));
  assert.deepEqual(
    [site, deadLetters.map(({ id }) => id)],
    ["s2", ["fails:departure>foo#1", "fails:arrival>foo#2"]],
  );
  await session.do(shell.skip("foo", "fails:departure>foo#1"));
  assert.equal((await session.do(shell.deadLetters("foo"))).length, 1);
});

test("[M13] what halted a stream, an event, is tried again or skipped by its name", async () => {
  const session = await Session.start();
  const shell = session.shell();
  await session.do(shell.createStream("foo", { at: "s1" }));
  const source = FAILS.replace("backoffMs: 10", 'backoffMs: 10, then: "halt"');
  const briefcase = { got: [], failures: { clientAttached: 4 } };
  await session.do(shell.registerAgent("foo", { source }, { briefcase }));
  const at = session.world.site("s1");
  const client = new Shell(session.world.shell(at, "guest"));
  await session.pass(200);
  const id = "fails:clientAttached>foo#1";
  const halted = await session.do(shell.inspect("foo"));
  assert.deepEqual([halted.current?.id, halted.current?.state], [id, "halted"]);
  assert.equal((await session.do(shell.why(id))).state, "halted");
  // It fails once more, and halts again.
  await session.do(shell.retry("foo", id));
  await session.pass(200);
  assert.equal((await session.do(shell.inspect("foo"))).current?.attempt, 4);
  await session.do(shell.retry("foo", id));
  await session.do(shell.append("foo", "after", { until: "consumed" }));
  const { briefcases, current } = await session.do(shell.inspect("foo"));
  assert.equal(current, undefined);
  assert.deepEqual((briefcases["fails"] as { got: unknown[] }).got, ["clientAttached", "after"]);
  await session.do(client.close());
});
