import assert from "node:assert/strict";
import { LIMITS } from "../../base/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import {
  append,
  failureOf,
  messageOf,
  programOf,
  type Rule,
  replyOf,
  run,
  TestHost,
  told,
} from "./executor.test.support.ts";

/** What handlers see and can do. */
export function contexts(rule: Rule): void {
  looking(rule);
  sending(rule);
  waiting(rule);
  controlling(rule);
  printing(rule);
}

function looking(rule: Rule): void {
  rule("a handler sees its stream, its site, its message and its time", async ({ executor }) => {
    const instance = await executor.start(
      programOf(
        "append: (ctx, m) => ({ m, stream: ctx.stream, agent: ctx.agent, at: ctx.location, message: ctx.message, now: ctx.now() })",
      ),
      new TestHost(),
    );
    const { now, ...rest } = (await replyOf(instance, [1, "two"])) as Record<string, unknown>;
    assert.deepEqual(rest, {
      m: [1, "two"],
      stream: "foo",
      agent: "counter",
      at: "north",
      message: { id: "bar>foo#1", from: "bar", attempt: 1 },
    });
    assertSiteTime(now);
  });

  rule("Date is the site's time", async ({ executor }) => {
    const on = `append() {
      const { now } = Date;
      const date = new Date();
      return {
        times: [now(), date.getTime(), new (date.constructor === Date ? Date : Date)().getTime()],
        given: new Date(5).getTime(),
        text: typeof Date(),
        utc: Date.UTC(1970, 0, 1),
        parsed: Date.parse("1970-01-01T00:00:01Z"),
        isDate: date instanceof Date,
      };
    }`;
    const instance = await executor.start(programOf(on), new TestHost());
    const { times, ...rest } = (await replyOf(instance, 0)) as { times: number[] };
    for (const time of times) assertSiteTime(time);
    assert.deepEqual(rest, { given: 5, text: "string", utc: 0, parsed: 1000, isDate: true });
  });

  rule("the same chance makes the same results", async ({ executor }) => {
    const on = `append(ctx) {
      const { random } = Math;
      return [ctx.random(), random(), random() < 1, ctx.random()];
    }`;
    const replies = [];
    for (const seed of [7, 7, 8]) {
      const instance = await executor.start(programOf(on), new TestHost(seed));
      replies.push([await replyOf(instance, 0), await replyOf(instance, 0)]);
      instance.close();
    }
    assert.deepEqual(replies[0], replies[1]);
    assert.notDeepEqual(replies[0], replies[2]);
  });
}

function assertSiteTime(time: unknown): void {
  const ahead = Number(time) - new TestHost().now();
  assert.ok(ahead >= 0 && ahead < 600_000, `${String(time)} is the site's time`);
}

function sending(rule: Rule): void {
  rule("what a handler sends comes with its result, in order", async ({ executor }) => {
    const on = `async append(ctx, m) {
      ctx.timer(50, { again: m });
      const first = await ctx.open("bar").append({ n: 1 });
      ctx.open("baz").append("x");
      ctx.open("bar").append({ n: 2 });
      ctx.timer(0);
      ctx.relocate("east");
      ctx.relocate("south");
      ctx.exit();
      return first;
    }`;
    const instance = await executor.start(programOf(on), new TestHost());
    assert.deepEqual(await append(instance, "m"), {
      type: "done",
      briefcase: undefined,
      reply: { id: "", reply: undefined },
      appends: [
        ["bar", { n: 1 }],
        ["baz", "x"],
        ["bar", { n: 2 }],
      ],
      timers: [
        [50, { again: "m" }],
        [0, undefined],
      ],
      relocate: "south",
      exits: true,
    });
  });

  rule("the effects of one call do not come again with the next", async ({ executor }) => {
    const on = "append(ctx, m) { if (m) { ctx.open('bar').append(1); ctx.exit(); ctx.timer(1) } }";
    const instance = await executor.start(programOf(on), new TestHost());
    await append(instance, true);
    assert.deepEqual(await append(instance, false), {
      type: "done",
      briefcase: undefined,
      reply: undefined,
      appends: [],
      timers: [],
      relocate: undefined,
      exits: false,
    });
  });

  rule("an append takes the value of its moment", async ({ executor }) => {
    const on = "append(ctx) { const v = { n: 1 }; ctx.open('bar').append(v); v.n = 2 }";
    const instance = await executor.start(programOf(on), new TestHost());
    const result = await append(instance, 0);
    assert.deepEqual(result.type === "done" && result.appends, [["bar", { n: 1 }]]);
  });

  rule("a group gets the message in the order of its members", async ({ executor }) => {
    const on =
      "async append(ctx) { const all = await ctx.group(['b', 'a']).append(5); return [...all.keys()] }";
    const instance = await executor.start(programOf(on), new TestHost());
    const result = await append(instance, 0);
    assert.ok(result.type === "done");
    assert.deepEqual(result.appends, [
      ["b", 5],
      ["a", 5],
    ]);
    assert.deepEqual(result.reply, ["b", "a"]);
  });

  rule("what cannot be sent fails the handler, waited for or not", async ({ executor }) => {
    const big = LIMITS.streamMessageBytesMax + 1;
    for (const [on, code, message] of [
      ["ctx.open('bar').append(() => {})", "value-uncloneable", /a function cannot travel/],
      ["ctx.group(['bar']).append(Symbol())", "value-uncloneable", /a symbol cannot travel/],
      [`ctx.open('bar').append('x'.repeat(${big}))`, "message-too-large", /at most/],
      ["ctx.open('bar').append(1, { until: 'eaten' })", "request-invalid", /until/],
      ["ctx.open(5)", "request-invalid", /a name is a text/],
      ["ctx.group(['a', ''])", "request-invalid", /a name is a text/],
      ["ctx.relocate()", "request-invalid", /a name is a text/],
      ["ctx.timer(-1)", "request-invalid", /delay/],
      ["ctx.timer('soon')", "request-invalid", /delay/],
      ["ctx.timer(1, new WeakMap())", "value-uncloneable", /WeakMap/],
    ] as const) {
      const instance = await executor.start(
        programOf(`append(ctx) { ctx.open('bar').append(1); ${on} }`),
        new TestHost(),
      );
      const failure = await failureOf(instance, 0);
      assert.equal(failure.code, code, failure.message);
      assert.match(failure.message, message);
      instance.close();
    }
  });

  rule("a handler sends no more than may wait", async ({ executor }) => {
    for (const on of [
      "for (;;) ctx.open('bar').append(1)",
      "for (;;) ctx.timer(1)",
      "const half = 'x'.repeat(500_000); for (;;) ctx.open('bar').append(half)",
    ]) {
      const instance = await executor.start(programOf(`append(ctx) { ${on} }`), new TestHost());
      assert.equal((await failureOf(instance, 0)).code, "effects-too-many");
      instance.close();
    }
  });
}

function waiting(rule: Rule): void {
  rule("an append until consumed leaves at once, behind the earlier ones", async ({ executor }) => {
    const on = `async append(ctx) {
      ctx.open("bar").append("first");
      ctx.open("baz").append("other");
      ctx.open("bar").append("second");
      const { id, reply } = await ctx.open("bar").append("third", { until: "consumed", timeoutMs: 99 });
      ctx.open("bar").append("fourth");
      return { id, reply };
    }`;
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    const result = append(instance, 0);
    const request = await host.request();
    assert.equal(request.verb, "append");
    const [{ payload, before, ...rest }] = request.args as [
      { payload: Uint8Array; before: Uint8Array[] },
    ];
    assert.deepEqual(rest, { stream: "bar", until: "consumed", timeoutMs: 99 });
    assert.equal(unpackValue(payload), "third");
    assert.deepEqual(before.map(unpackValue), ["first", "second"]);
    request.answer({ id: "foo>bar#3", reply: packValue(new Map([[1, 2]])) });
    const ended = await result;
    assert.ok(ended.type === "done");
    assert.deepEqual(ended.reply, { id: "foo>bar#3", reply: new Map([[1, 2]]) });
    assert.deepEqual(ended.appends, [
      ["baz", "other"],
      ["bar", "fourth"],
    ]);
  });

  rule("an append until consumed says how long it waits", async ({ executor }) => {
    const on = "append: (ctx) => ctx.open('bar').append(1, { until: 'consumed' })";
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    assert.equal((await failureOf(instance, 0)).code, "append-timeout-missing");
    assert.deepEqual(host.requests, []);
  });

  rule("a refusal can be caught, and else names the failure", async ({ executor }) => {
    const on = `async append(ctx, isCaught) {
      const asked = ctx.open("bar").append(1, { until: "consumed", timeoutMs: 5 });
      if (!isCaught) return await asked;
      return await asked.catch((error) => [error.code, error.message, error instanceof Error]);
    }`;
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    const caught = replyOf(instance, true);
    (await host.request()).refuse("append-timeout", "no answer");
    assert.deepEqual(await caught, ["append-timeout", "no answer", true]);
    const failure = failureOf(instance, false);
    (await host.request()).refuse("append-timeout", "no answer");
    const { code, message } = await failure;
    assert.equal(code, "append-timeout");
    assert.match(message, /^append handler: no answer \(foo\/counter:\d+:\d+\)$/);
  });

  rule("each member of a group that is waited for answers for itself", async ({ executor }) => {
    const on = `async append(ctx) {
      const all = await ctx.group(["a", "b"]).append(1, { until: "consumed", timeoutMs: 5 });
      return [all.get("a").reply, all.get("b").code];
    }`;
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    const reply = replyOf(instance, 0);
    (await host.request()).answer({ id: "foo>a#1", reply: packValue("yes") });
    (await host.request()).refuse("append-denied", "no");
    assert.deepEqual(await reply, ["yes", "append-denied"]);
  });

  rule("a handler waits for a bounded number of answers", async ({ executor }) => {
    const on =
      "append: (ctx) => Promise.all(Array.from({ length: 1000 }, () => ctx.open('bar').location()))";
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    assert.equal((await failureOf(instance, 0)).code, "effects-too-many");
    assert.equal(host.requests.length, LIMITS.handlerCallsMax);
  });

  rule("a context is worth nothing once its handler has ended", async ({ executor }) => {
    const on = `append(ctx, m) {
      const { local } = ctx;
      local.ctx ??= ctx;
      local.bar ??= ctx.open("bar");
      if (m === "keep") return;
      const tries = {
        open: () => local.ctx.open("x"), append: () => local.bar.append(1), log: () => local.ctx.log(1),
        relocate: () => local.ctx.relocate("x"), timer: () => local.ctx.timer(1), exit: () => local.ctx.exit(),
      };
      tries[m]();
    }`;
    const instance = await executor.start(programOf(on), new TestHost());
    await append(instance, "keep");
    for (const way of ["open", "append", "log", "relocate", "timer", "exit"]) {
      assert.equal((await failureOf(instance, way)).code, "handler-ended", way);
    }
  });
}

function controlling(rule: Rule): void {
  rule("control of other streams is asked of the site and waited for", async ({ executor }) => {
    const on = `async append(ctx) {
      const bar = await ctx.createStream("bar", { at: "south", durability: { type: "message" } });
      const agent = await bar.registerAgent({ source: "export default {}", file: "a.ts" }, { briefcase: { n: 1 } });
      await agent.replaceHandler("timer", null);
      await agent.detach();
      const moved = await bar.move("east", { deadlineMs: 5 });
      const at = await bar.location();
      await bar.destroy();
      return [bar.name, agent.name, agent.stream, moved.to, at];
    }`;
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    const reply = replyOf(instance, 0);
    const asked: unknown[] = [];
    for (const answer of [
      { name: "bar" },
      { name: "worker" },
      null,
      null,
      { to: "east" },
      { site: "east" },
      null,
    ]) {
      const request = await host.request();
      asked.push([request.verb, ...request.args]);
      request.answer(answer);
    }
    assert.deepEqual(asked, [
      [
        "createStream",
        "bar",
        { at: "south", durability: { type: "message" }, failureManagers: [] },
      ],
      [
        "attachAgent",
        "bar",
        {
          source: "export default {}",
          file: "a.ts",
          name: undefined,
          briefcase: packValue({ n: 1 }),
        },
      ],
      ["replaceHandler", "bar", "worker", "timer", null],
      ["detachAgent", "bar", "worker"],
      ["move", "bar", "east", 5],
      ["stream", "bar"],
      ["destroyStream", "bar"],
    ]);
    assert.deepEqual(await reply, ["bar", "worker", "bar", "east", "east"]);
  });

  rule("a definition is sent as the text of its functions", async ({ executor }) => {
    const on = `async append(ctx) {
      const agent = await ctx.open("bar").registerAgent({
        name: "echo",
        briefcase: { seen: new Set([1]) },
        on: { append: (inner, m) => m * 2 },
      });
      await agent.replaceHandler("timer", (inner, value) => value * 3);
    }`;
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    const result = append(instance, 0);
    const attach = await host.request();
    const [stream, request] = attach.args as [string, Record<string, unknown>];
    assert.equal(stream, "bar");
    assert.equal(request["name"], "echo");
    assert.match(String(request["source"]), /m \* 2/);
    assert.deepEqual(unpackValue(request["briefcase"] as Uint8Array), { seen: new Set([1]) });
    attach.answer({ name: "echo" });
    const replace = await host.request();
    assert.match(String(replace.args[3]), /value \* 3/);
    replace.answer(null);
    assert.equal((await result).type, "done");
  });

  rule("control of the own stream is asked when the handler has ended well", async (under) => {
    const on = `async append(ctx, fails) {
      const own = ctx.open(ctx.stream);
      const agent = await own.registerAgent({ source: "x" }, { name: "helper" });
      await agent.replaceHandler("timer", "(ctx) => 1");
      await own.destroy();
      if (fails) throw new Error("no");
      return [agent.name, await own.location()];
    }`;
    const host = new TestHost();
    const instance = await under.executor.start(programOf(on), host);
    await failureOf(instance, true);
    assert.deepEqual(await replyOf(instance, false), ["helper", "north"]);
    const verbs = [];
    for (let index = 0; index < 3; index++) {
      const request = await host.request();
      verbs.push(request.verb);
      request.refuse("denied", "not you");
    }
    assert.deepEqual(verbs, ["attachAgent", "replaceHandler", "destroyStream"]);
    await host.printed(3);
    assert.deepEqual(
      host.lines,
      verbs.map((verb) => `${verb} failed: not you`),
    );
    assert.deepEqual(host.requests, []);
  });

  rule("a handler does not wait for the move of its own stream", async ({ executor }) => {
    const on = "append: (ctx) => ctx.open('foo').move('south')";
    const instance = await executor.start(programOf(on), new TestHost());
    const failure = await failureOf(instance, 0);
    assert.equal(failure.code, "call-cycle");
    assert.match(failure.message, /ctx\.relocate/);
  });
}

function printing(rule: Rule): void {
  rule("what an agent prints goes to its site, line by line", async ({ executor }) => {
    const on = `append(ctx, m) {
      console.log("%s has %d", "it", 3, { a: [1, new Map([[1, 2]])] });
      console.error(m);
      ctx.log("two\\nlines");
      console.log({ [Symbol.for("nodejs.util.inspect.custom")]() { return "mine" } }.a);
    }`;
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    await append(instance, new Set(["m"]));
    await host.printed(5);
    assert.deepEqual(host.lines, [
      "it has 3 { a: [ 1, Map(1) { 1 => 2 } ] }",
      "Set(1) { 'm' }",
      "two",
      "lines",
      "undefined",
    ]);
  });

  rule("lines have a bounded length, and a handler a bounded number of them", async (under) => {
    const on = `append(ctx, m) {
      if (m === "long") console.log("x".repeat(100_000));
      else for (let n = 0; n < 5000; n++) console.log(n);
    }`;
    const host = new TestHost();
    const instance = await under.executor.start(programOf(on), host);
    await append(instance, "long");
    assert.equal(host.lines[0]?.length, LIMITS.handlerLineCharactersMax);
    await append(instance, "many");
    assert.equal(host.lines.length, 1 + LIMITS.handlerLinesMax + 1);
    assert.match(host.lines.at(-1) ?? "", /left out/);
    await append(instance, "long");
    assert.equal(host.lines.length, 1 + LIMITS.handlerLinesMax + 2);
  });

  rule("results and lines of many calls come in their order", async ({ executor }) => {
    const host = new TestHost();
    const instance = await executor.start(
      programOf("append(ctx, m) { ctx.log(m); return m }"),
      host,
    );
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    const results = await run(
      instance,
      numbers.map((n) => messageOf(n)),
    );
    assert.deepEqual(host.lines, numbers.map(String));
    assert.deepEqual(
      results.map((result) => (told(result) as { reply: unknown }).reply),
      numbers,
    );
  });
}
