import assert from "node:assert/strict";
import { LIMITS } from "../../base/index.ts";
import { packValue, unpackValue } from "../../wire/index.ts";
import {
  append,
  failureOf,
  programOf,
  type Rule,
  replyOf,
  TestHost,
} from "./executor.test.support.ts";

/** What handlers append, and what they wait for. */
export function appends(rule: Rule): void {
  sending(rule);
  waiting(rule);
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
