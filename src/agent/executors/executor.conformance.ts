import assert from "node:assert/strict";
import { test } from "node:test";
import { packValue, unpackValue } from "../../wire/index.ts";
import type { AgentProgram, InvocationResult } from "../executor.ts";
import { HANDLER_NAMES } from "../model.ts";
import {
  append,
  type ExecutorUnderTest,
  eventOf,
  messageOf,
  programOf,
  type Rule,
  replyOf,
  run,
  TestHost,
  told,
} from "./executor.test.support.ts";
import { appends } from "./executor-appends.conformance.ts";
import { confinement } from "./executor-confinement.conformance.ts";
import { contexts } from "./executor-contexts.conformance.ts";
import { failures } from "./executor-failures.conformance.ts";

/** What every {@link Executor} must do. An implementation calls this from its own test file. */
export function executorConformance(name: string, make: () => Promise<ExecutorUnderTest>): void {
  const rule: Rule = (text, body) => {
    test(`${name}: ${text}`, async () => {
      await using under = await make();
      await body(under);
    });
  };
  starting(rule);
  handlers(rule);
  batches(rule);
  briefcases(rule);
  appends(rule);
  contexts(rule);
  failures(rule);
  confinement(rule);
}

function starting(rule: Rule): void {
  rule("an instance lists the events that it handles", async ({ executor }) => {
    const instance = await executor.start(
      programOf("append() {}, timer() {}, arrival: undefined"),
      new TestHost(),
    );
    assert.deepEqual([...instance.handlers].sort(), ["append", "timer"]);
  });

  rule("code that throws, or is not a program, does not start", async ({ executor }) => {
    for (const [code, what] of [
      ["(() => { throw new Error('no luck') })()", /no luck/],
      ["(() => { throw 5 })()", /not an Error: 5/],
      ["{ on: }", /SyntaxError/],
      ["null.on", /Cannot read properties of null/],
    ] as const) {
      const start = executor.start(programOf("", { code }), new TestHost());
      await assert.rejects(start, { code: "code-failed", message: what });
    }
  });

  rule("a value that is not a definition does not start", async ({ executor }) => {
    for (const [code, what] of [
      ["5", /not a definition/],
      ["({})", /not a definition/],
      ["({ get on() { throw 1 } })", /cannot be read/],
      ["({ on: { appned() {} } })", /no event "appned"/],
      ["({ on: { append: 5 } })", /on\.append is not a function/],
    ] as const) {
      const start = executor.start(programOf("", { code }), new TestHost());
      await assert.rejects(start, { code: "code-invalid", message: what });
    }
  });

  rule("an agent that did not start leaves the others alone", async ({ executor }) => {
    const instance = await executor.start(programOf("append: () => 1"), new TestHost());
    await assert.rejects(executor.start(programOf("", { code: "null.on" }), new TestHost()));
    const next = await executor.start(programOf("append: () => 2"), new TestHost());
    assert.deepEqual([await replyOf(instance, null), await replyOf(next, null)], [1, 2]);
  });
}

function handlers(rule: Rule): void {
  rule("every event comes to its handler, with its argument", async ({ executor }) => {
    const on = HANDLER_NAMES.map((name) => `${name}(ctx, value) { ctx.log("${name}", value) }`);
    const host = new TestHost();
    const instance = await executor.start(programOf(on.join(",")), host);
    const results = await run(
      instance,
      HANDLER_NAMES.map((name) => eventOf(name, `for ${name}`)),
    );
    await host.printed(HANDLER_NAMES.length);
    assert.deepEqual(
      host.lines,
      HANDLER_NAMES.map((name) => `${name} for ${name}`),
    );
    assert.ok(results.every(({ type }) => type === "done"));
  });

  rule("an event without a handler ends well and does nothing", async ({ executor }) => {
    const instance = await executor.start(programOf("append() { return 1 }"), new TestHost());
    const [result] = await run(instance, [eventOf("timer", 5)]);
    assert.ok(result?.type === "done");
    assert.deepEqual(result.effects, {
      appends: [],
      timers: [],
      relocate: undefined,
      reply: undefined,
    });
  });

  rule("only what an append handler returns is a reply", async ({ executor }) => {
    const on = "append: () => 1, timer: () => 2";
    const instance = await executor.start(programOf(on), new TestHost());
    const results = await run(instance, [messageOf(0), eventOf("timer", 0)]);
    assert.deepEqual(
      results.map((result) => result.type === "done" && result.effects.reply !== undefined),
      [true, false],
    );
  });

  rule("handlers find each other through this", async ({ executor }) => {
    const on = "append(ctx, m) { return this.timer(ctx, m) }, timer: (ctx, m) => m + 1";
    const instance = await executor.start(programOf(on), new TestHost());
    assert.equal(await replyOf(instance, 4), 5);
  });

  rule("a replaced handler counts from the start, a removed one does not", async ({ executor }) => {
    const replaced: AgentProgram["replaced"] = {
      append: "(ctx, m) => 'new ' + m",
      timer: null,
    };
    const program = programOf("append: (ctx, m) => 'old ' + m, timer() {}", { replaced });
    const instance = await executor.start(program, new TestHost());
    assert.deepEqual([...instance.handlers], ["append"]);
    assert.equal(await replyOf(instance, 1), "new 1");
  });

  rule("a handler is replaced, removed, and put back between calls", async ({ executor }) => {
    const program = programOf("append: (ctx, m) => 'old ' + m");
    const instance = await executor.start(program, new TestHost());
    await instance.setHandler("append", "(ctx, m) => 'new ' + m");
    await instance.setHandler("timer", "() => {}");
    assert.equal(await replyOf(instance, 1), "new 1");
    assert.deepEqual([...instance.handlers].sort(), ["append", "timer"]);
    await instance.setHandler("append", null);
    await instance.setHandler("timer", undefined);
    assert.deepEqual([...instance.handlers], []);
    await instance.setHandler("append", undefined);
    assert.equal(await replyOf(instance, 2), "old 2");
  });

  rule("a replacement that does not evaluate leaves the old handler", async ({ executor }) => {
    const instance = await executor.start(programOf("append: () => 'old'"), new TestHost());
    await assert.rejects(instance.setHandler("append", "null.on"), { code: "code-failed" });
    await assert.rejects(instance.setHandler("append", "5"), { code: "code-invalid" });
    await assert.rejects(instance.setHandler("append", ")("), { code: "code-failed" });
    assert.equal(await replyOf(instance, 1), "old");
  });
}

/** Waits for the site before each message is done. */
const ASKING = "async append(ctx, m) { await ctx.open('bar').location(); return m }";

function batches(rule: Rule): void {
  rule("calls run in order, one at a time, though some wait and some do not", async (under) => {
    const on = `async append(ctx, m) {
      ctx.log("begin " + m);
      if (m % 2 === 0) await null;
      ctx.log("end " + m);
    }`;
    const host = new TestHost();
    const instance = await under.executor.start(programOf(on), host);
    const first = run(
      instance,
      [0, 1, 2].map((n) => messageOf(n)),
    );
    const second = run(
      instance,
      [3, 4].map((n) => messageOf(n)),
    );
    await Promise.all([first, second]);
    const expected = [0, 1, 2, 3, 4].flatMap((n) => [`begin ${n}`, `end ${n}`]);
    assert.deepEqual(host.lines, expected);
  });

  rule("calls made while a result is reported are queued after the others", async (under) => {
    const instance = await under.executor.start(programOf("append: (ctx, m) => m"), new TestHost());
    const replies: unknown[] = [];
    const isDone = new Promise<void>((resolve) => {
      const note = (result: InvocationResult): void => {
        const { reply } = told(result) as { readonly reply: unknown };
        replies.push(reply);
        if (replies.length === 3) resolve();
      };
      instance.run([messageOf("a"), messageOf("b")], (index, result) => {
        note(result);
        if (index === 0) instance.run([messageOf("c")], (_, later) => note(later));
      });
    });
    await isDone;
    assert.deepEqual(replies, ["a", "b", "c"]);
  });

  rule("after a failure the rest is not begun", async ({ executor }) => {
    const on = "append(ctx, m) { ctx.log(m); if (m === 2) throw new Error('no') }";
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    const later: Promise<InvocationResult[]>[] = [];
    const results = await run(
      instance,
      [1, 2, 3, 4].map((n) => messageOf(n)),
    );
    assert.deepEqual(
      results.map(({ type }) => type),
      ["done", "failed", "interrupted", "interrupted"],
    );
    later.push(run(instance, [messageOf(5)]));
    await Promise.all(later);
    assert.deepEqual(host.lines, ["1", "2", "5"]);
  });

  rule("an interruption lets the running call end, and no other start", async ({ executor }) => {
    const host = new TestHost();
    const instance = await executor.start(programOf(ASKING), host);
    const first = run(instance, [messageOf(1), messageOf(2)]);
    const second = run(instance, [messageOf(3)]);
    const request = await host.request();
    instance.interrupt();
    const third = run(instance, [messageOf(4)]);
    request.answer({ site: "south" });
    const results = [...(await first), ...(await second)];
    assert.deepEqual(
      results.map(({ type }) => type),
      ["done", "interrupted", "interrupted"],
    );
    (await host.request()).answer({ site: "south" });
    assert.deepEqual(
      (await third).map(({ type }) => type),
      ["done"],
    );
  });

  rule("an interruption of nothing does nothing", async ({ executor }) => {
    const instance = await executor.start(programOf("append: () => 1"), new TestHost());
    instance.interrupt();
    assert.equal(await replyOf(instance, 0), 1);
    instance.interrupt();
    assert.equal(await replyOf(instance, 0), 1);
  });

  rule(
    "nothing more is reported of an agent that was closed during a call",
    async ({ executor }) => {
      const host = new TestHost();
      const instance = await executor.start(programOf(ASKING), host);
      const results: InvocationResult[] = [];
      instance.run([messageOf(1), messageOf(2)], (_, result) => results.push(result));
      const request = await host.request();
      instance.close();
      request.answer({ site: "south" });
      // Another agent's whole life takes longer than what could still come.
      const other = await executor.start(programOf("append: (ctx, m) => m"), new TestHost());
      assert.equal(await replyOf(other, 5), 5);
      assert.deepEqual([results, host.requests], [[], []]);
      instance.close();
    },
  );
}

function briefcases(rule: Rule): void {
  const on = "append(ctx, m) { if (m) ctx.briefcase.count = m }";

  rule("a briefcase is reported when it differs, and only then", async ({ executor }) => {
    const program = programOf(on, { briefcase: packValue({ count: 1 }) });
    const instance = await executor.start(program, new TestHost());
    const results = [];
    for (const m of [1, 2, 2, 0, 3]) results.push(await append(instance, m));
    assert.deepEqual(
      results.map((result) => result.type === "done" && result.briefcase),
      [undefined, { count: 2 }, undefined, undefined, { count: 3 }],
    );
  });

  rule("every kind of value stays what it is in a briefcase", async ({ executor }) => {
    const kept = (): Record<string, unknown> => ({
      map: new Map([["a", new Set([1, 2n])]]),
      date: new Date(5),
      bytes: new Uint8Array([1, 2, 3]),
      floats: new Float64Array([0.5, Number.NaN]),
      nothing: [undefined, null],
    });
    const program = programOf(
      "append({ briefcase }) { briefcase.self = briefcase; briefcase.again = briefcase.map }",
      { briefcase: packValue(kept()) },
    );
    const instance = await executor.start(program, new TestHost());
    const [result] = await run(instance, [messageOf(0)]);
    assert.ok(result?.type === "done" && result.briefcase !== undefined);
    const { self, again, ...rest } = unpackValue(result.briefcase) as Record<string, unknown>;
    assert.deepEqual(rest, kept());
    assert.equal((self as typeof rest)["self"], self);
    assert.equal(again, rest["map"]);
  });

  rule("a new briefcase replaces the old one as a whole", async ({ executor }) => {
    const instance = await executor.start(
      programOf("append(ctx, m) { ctx.briefcase = { ...ctx.briefcase, [m]: m } }"),
      new TestHost(),
    );
    await append(instance, "a");
    const result = await append(instance, "b");
    assert.deepEqual(result.type === "done" && result.briefcase, { a: "a", b: "b" });
  });

  rule("an earlier briefcase can be put back", async ({ executor }) => {
    const instance = await executor.start(
      programOf("append(ctx) { ctx.briefcase.list.push(1); return ctx.briefcase.list.length }", {
        briefcase: packValue({ list: [] }),
      }),
      new TestHost(),
    );
    await append(instance, 0);
    assert.equal(await replyOf(instance, 0), 2);
    const earlier = packValue({ list: [] });
    instance.restore(earlier);
    assert.equal(await replyOf(instance, 0), 1);
    assert.deepEqual(unpackValue(earlier), { list: [] });
  });

  rule("bytes in a briefcase or a message are the agent's alone", async ({ executor }) => {
    // MessagePack `[bin]` and `bin`, which readers like to give as views of what they read.
    const bin = [0xc4, 4, 1, 2, 3, 4];
    const briefcase = new Uint8Array([0x91, ...bin]);
    const message = new Uint8Array([7, 7, ...bin, 7, 7]).subarray(2, 8);
    const before = [...briefcase, ...new Uint8Array(message.buffer)];
    const instance = await executor.start(
      programOf(
        `append(ctx, m) {
          if (m === "look") return [...ctx.briefcase[0]];
          for (const { buffer } of [m, ctx.briefcase[0]]) new Uint8Array(buffer).fill(9);
          throw new Error("no");
        }`,
        { briefcase },
      ),
      new TestHost(),
    );
    await run(instance, [{ handler: "append", argument: message, message: undefined }]);
    assert.deepEqual(await replyOf(instance, "look"), [1, 2, 3, 4]);
    assert.deepEqual([...briefcase, ...new Uint8Array(message.buffer)], before);
  });

  rule("what is local stays from call to call, also after a failure", async ({ executor }) => {
    const instance = await executor.start(
      programOf(
        "append(ctx, m) { ctx.local.n = (ctx.local.n ?? 0) + 1; if (m) throw 1; return ctx.local.n }",
      ),
      new TestHost(),
    );
    await append(instance, true);
    assert.equal(await replyOf(instance, false), 2);
  });
}
