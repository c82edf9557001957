import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentDefinition } from "../../agent/define/index.ts";
import { MeanderError } from "../../base/index.ts";
import { unpackValue } from "../../wire/index.ts";

import { ATTACHMENTS, quiet } from "./attached-shells.test.support.ts";
import { TRIAL } from "./shell.test.support.ts";

for (const [way, open] of Object.entries(ATTACHMENTS)) {
  test(`${way}: the paper's program reads line for line`, async () => {
    const { fake, shell } = await open();
    const foo = {
      on: {
        append: async (
          ctx: { open(name: string): { append(value: unknown): unknown } },
          m: string,
        ) => void (await ctx.open("bar").append(m)),
      },
    };
    const bar = { on: { arrival: (ctx: { log(text: string): void }) => ctx.log("I am here") } };
    await shell.createStream("foo");
    await shell.createStream("bar", { at: "south", durability: { type: "message" } });
    await shell.registerAgent("foo", foo);
    await shell.registerAgent("bar", bar, { name: "printer" });
    await shell.move("foo", "south", { deadlineMs: 100 });
    const { id, reply } = await shell.append("foo", "Hello world");

    assert.equal(id, "shell-1f3a>foo#1");
    assert.equal(reply, undefined);
    assert.deepEqual(fake.consumed("foo"), ["Hello world"]);
    assert.deepEqual(
      fake.calls.map(([verb, stream]) => [verb, stream]),
      [
        ["createStream", "foo"],
        ["createStream", "bar"],
        ["attachAgent", "foo"],
        ["attachAgent", "bar"],
        ["move", "foo"],
      ],
    );
    assert.deepEqual(fake.calls[0]?.[2], {
      at: undefined,
      durability: { type: "none" },
      failureManagers: [],
    });
    assert.deepEqual(fake.calls[4], ["move", "foo", "south", 100]);
    await shell.close();
  });

  test(`${way}: an agent goes as its code and as packed values, and options win over the definition [S4]`, async () => {
    const { fake, shell } = await open();
    const stream = await shell.createStream("foo");
    const definition: AgentDefinition<{ seen: Map<number, string> }> = {
      name: "counter",
      briefcase: { seen: new Map([[1, "one"]]) },
      on: { append: (ctx, message: string) => ctx.briefcase.seen.set(2, message) },
    };
    const agent = await stream.registerAgent(definition);
    assert.deepEqual([agent.name, agent.stream], ["counter", "foo"]);
    await stream.registerAgent(definition, { name: "other", briefcase: { n: 2n } });
    await stream.registerAgent({ source: "export default { on: {} }", file: "a.ts" });
    const requests = fake.calls.slice(1).map(([, , request]) => request) as {
      source: string;
      file: string | undefined;
      name: string | undefined;
      briefcase: Uint8Array | undefined;
    }[];
    assert.deepEqual(
      requests.map(({ name, file, briefcase }) => [
        name,
        file,
        briefcase && unpackValue(briefcase),
      ]),
      [
        ["counter", undefined, { seen: new Map([[1, "one"]]) }],
        ["other", undefined, { n: 2n }],
        [undefined, "a.ts", undefined],
      ],
    );
    assert.equal(requests[2]?.source, "export default { on: {} }");
    assert.match(requests[0]?.source ?? "", /on/);
    for (const nonsense of [{}, null, 7, { on: { append: "text" } }]) {
      await assert.rejects(stream.registerAgent(nonsense as never), { code: "agent-invalid" });
    }

    fake.calls.length = 0;
    await agent.replaceHandler("append", "(ctx, message) => message");
    await agent.replaceHandler("append", null);
    await agent.detach();
    const [first, second, third] = fake.calls;
    assert.deepEqual(first?.slice(0, 4), ["replaceHandler", "foo", "counter", "append"]);
    assert.match(String(first?.[4]), /\(ctx, message\) => message/);
    assert.deepEqual(second, ["replaceHandler", "foo", "counter", "append", null]);
    assert.deepEqual(third, ["detachAgent", "foo", "counter"]);
  });

  test(`${way}: an append until consumed brings the reply, values unharmed`, async () => {
    const { shell } = await open();
    await shell.createStream("foo");
    const value = {
      at: new Date(5),
      bytes: new Uint8Array([1, 2]),
      set: new Set(["x"]),
      u: undefined,
    };
    const { reply } = await shell.append("foo", value, { until: "consumed", timeoutMs: 1_000 });
    assert.deepEqual(reply, [value]);
    await assert.rejects(shell.append("foo", { f: () => 1 }), {
      code: "value-uncloneable",
      where: "value.f",
    });
  });

  test(`${way}: a refusal keeps its code and all its parts [S7]`, async () => {
    const { shell } = await open();
    await shell.createStream("foo");
    const refusal = shell.createStream("foo");
    await assert.rejects(refusal, (error) => {
      assert.ok(error instanceof MeanderError);
      assert.deepEqual(
        [error.code, error.what, error.where, error.expected, error.next],
        [
          "stream-exists",
          "there is a stream of that name",
          "stream foo",
          "a name that is free",
          "open it",
        ],
      );
      return true;
    });
    await assert.rejects(shell.open("nowhere"), { code: "stream-unknown" });
    await assert.rejects(shell.append("nowhere", 1), { code: "stream-unknown" });
    await assert.rejects(shell.skip("foo", "a>foo#1"), { code: "message-unknown" });
  });

  test(`${way}: what cannot be asked for is refused before it is asked`, async () => {
    const { shell } = await open();
    await shell.createStream("foo");
    for (const asking of [
      shell.append("foo", 1, { timeoutMs: 10 }),
      shell.append("foo", 1, { until: "consumed", timeoutMs: -1 }),
      shell.move("foo", "south", { deadlineMs: Number.NaN }),
      shell.sleep(Number.POSITIVE_INFINITY),
    ]) {
      await assert.rejects(asking, { code: "option-invalid" });
    }
    assert.deepEqual(await shell.sites(), ["north", "south"]);
  });

  test(`${way}: a stream is opened, looked at, moved and destroyed [S6]`, async () => {
    const { fake, shell } = await open();
    await shell.createStream("foo", { failureManagers: ["south"] });
    const foo = await shell.open("foo");
    assert.equal(await foo.location(), "north");
    const { from, to, streamEpoch, ms } = await foo.move("south");
    assert.deepEqual([from, to, streamEpoch, ms], ["north", "south", 1, 1.5]);
    assert.equal(await foo.location(), "south");
    const [view] = await shell.streams();
    assert.deepEqual(view, {
      name: "foo",
      id: 1,
      site: "south",
      streamEpoch: 1,
      status: "live",
      why: undefined,
      durability: { type: "none" },
      failureManagers: ["south"],
      agents: [],
    });
    fake.halt("foo");
    const { id } = await foo.append("waits");
    const inside = await shell.inspect("foo");
    assert.deepEqual(inside.current, {
      id,
      attempt: 1,
      state: "halted",
      forMs: 10,
      error: undefined,
    });
    assert.equal(inside.waiting, 1);
    assert.deepEqual((await shell.why(id)).steps, ["it left north", "it waits at south"]);
    await foo.destroy();
    assert.deepEqual(await shell.streams(), []);
  });

  test(`${way}: briefcases and dead letters are values; letters are skipped, retried, replayed and edited`, async () => {
    const { fake, shell } = await open();
    const foo = await shell.createStream("foo");
    await foo.registerAgent({ briefcase: { n: 1 }, on: {} });
    assert.deepEqual((await shell.inspect("foo")).briefcases, { agent: { n: 1 } });
    for (const seq of [1, 2, 3, 4]) fake.bury("foo", `a>foo#${seq}`, { seq });
    assert.deepEqual((await shell.deadLetters("foo"))[0], {
      id: "a>foo#1",
      error: "it threw",
      attempts: 4,
      deaths: [],
      value: { seq: 1 },
    });
    fake.calls.length = 0;
    await shell.skip("foo", "a>foo#1");
    await shell.retry("foo", "a>foo#2");
    await shell.replay("foo", "a>foo#3");
    await shell.replay("foo", "a>foo#4", { seq: "edited" });
    assert.deepEqual(fake.calls, [
      ["deadLetter", "foo", "a>foo#1", "skip", undefined],
      ["deadLetter", "foo", "a>foo#2", "retry", undefined],
      ["deadLetter", "foo", "a>foo#3", "replay", undefined],
      ["deadLetter", "foo", "a>foo#4", "replay", { seq: "edited" }],
    ]);
  });

  test(`${way}: sites are evacuated, and policies set and read`, async () => {
    const { fake, shell } = await open();
    assert.deepEqual(await shell.evacuate("south"), { moved: 2, failed: ["bar"] });
    const rules = [{ effect: "deny", actions: ["*"], by: "shell-*" }];
    await shell.setPolicy("session", rules);
    assert.deepEqual(fake.calls.at(-1), ["setPolicy", "session", rules]);
    assert.deepEqual(await shell.policies(), { session: rules });
    const [now, before] = await shell.policyHistory("session");
    assert.deepEqual(fake.calls.at(-1), ["policyHistory", "session"]);
    assert.deepEqual([now?.policy, now?.by, now?.at], [{ rules: 0 }, "subject:alice", 1]);
    assert.deepEqual([before?.policy, before?.restores], [{ code: "c0de" }, 1]);
    assert.equal(await shell.rollbackPolicy("session"), 2);
    assert.deepEqual(await shell.tryPolicy("session", rules, 9), TRIAL);
    assert.deepEqual(fake.calls.at(-1), ["tryPolicy", "session", rules, 9]);
    const code = { source: "export default {}", file: "quota.ts" };
    assert.deepEqual(await shell.tryPolicy("sites/north", code), TRIAL);
    const upload = { ...code, briefcase: undefined };
    assert.deepEqual(fake.calls.at(-1), ["tryPolicy", "sites/north", upload, undefined]);
    assert.equal(await shell.rollbackPolicy("session", 0), 0);
    assert.deepEqual(fake.calls.at(-1), ["rollbackPolicy", "session", 0]);
  });

  test(`${way}: a group appends to each member in order, and tells of each apart [S3]`, async () => {
    const { fake, shell } = await open();
    const foo = await shell.createStream("foo");
    await shell.createStream("bar");
    const group = shell.group([foo, "nowhere", "bar", "foo"]);
    const results = await group.append("all", { until: "consumed" });
    assert.deepEqual([...results.keys()], ["foo", "nowhere", "bar"]);
    assert.deepEqual(results.get("foo"), { id: "shell-1f3a>foo#1", reply: ["all"] });
    assert.equal((results.get("nowhere") as MeanderError).code, "stream-unknown");
    assert.deepEqual(fake.consumed("bar"), ["all"]);
    await assert.rejects(group.append(Symbol("x")), { code: "value-uncloneable" });
  });

  test(`${way}: a halted member of a group does not keep the others waiting [S3]`, async () => {
    const { fake, shell } = await open();
    for (const name of ["foo", "bar"]) await shell.createStream(name);
    fake.halt("foo");
    const appending = shell.group(["foo", "bar"]).append("all", { until: "consumed" });
    await quiet();
    assert.deepEqual(fake.consumed("bar"), ["all"]);
    fake.resume("foo");
    assert.deepEqual((await appending).size, 2);
  });

  test(`${way}: a signal ends the waiting, and the message stays on its way`, async () => {
    const { fake, shell } = await open();
    await shell.createStream("foo");
    fake.halt("foo");
    const controller = new AbortController();
    const { signal } = controller;
    const append = shell.append("foo", "first", { until: "consumed", signal });
    const sleep = shell.sleep(1_000, { signal });
    await quiet();
    controller.abort(new Error("enough"));
    await assert.rejects(append, { message: "enough" });
    await assert.rejects(sleep, { message: "enough" });
    await assert.rejects(shell.append("foo", "never", { signal }), { message: "enough" });
    fake.resume("foo");
    await shell.append("foo", "second", { until: "consumed" });
    assert.deepEqual(fake.consumed("foo"), ["first", "second"]);
  });
}
