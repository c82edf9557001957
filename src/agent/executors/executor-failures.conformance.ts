import assert from "node:assert/strict";
import { packValue } from "../../wire/index.ts";
import {
  append,
  failureOf,
  messageOf,
  programOf,
  type Rule,
  replyOf,
  run,
  TestHost,
} from "./executor.test.support.ts";

/** What becomes of handlers that fail. */
export function failures(rule: Rule): void {
  throwing(rule);
  limits(rule);
  deadlines(rule);
}

function throwing(rule: Rule): void {
  rule("whatever is thrown or rejected is reported readably", async ({ executor }) => {
    for (const [on, message] of [
      [
        "append() { throw new RangeError('too far') }",
        /^append handler: RangeError: too far \(foo\/counter:1:\d+\)$/,
      ],
      ["append() { null.x }", /TypeError: Cannot read properties of null/],
      ["append() { throw 42 }", /not an Error: 42$/],
      ["append() { throw undefined }", /not an Error: undefined$/],
      [
        "append() { throw { code: 'executor-failed', a: 1 } }",
        /not an Error: \{ code: 'executor-failed', a: 1 \}$/,
      ],
      ["async append() { throw new Error('later') }", /Error: later/],
      ["append: () => Promise.reject('nothing')", /not an Error: nothing$/],
      ["append: () => ({ then(resolve, reject) { reject(new Error('then')) } })", /Error: then/],
      ["append: () => ({ get then() { throw new Error('getter') } })", /Error: getter/],
      [
        "append() { throw { get [Symbol.toStringTag]() { throw 1 } } }",
        /cannot be shown|not an Error/,
      ],
      [
        "append() { throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 1 } }) }",
        /cannot be shown|not an Error/,
      ],
      [
        "append() { const e = new Error('x'); Object.defineProperty(e, 'message', { get() { throw 1 } }); throw e }",
        /cannot be shown/,
      ],
      ["append() { const again = () => again(); again() }", /RangeError: Maximum call stack/],
      ["append() { throw 'x'.repeat(1e6) }", /^.{1,2000}$/],
    ] as const) {
      const instance = await executor.start(programOf(on), new TestHost());
      const failure = await failureOf(instance, 0);
      assert.match(failure.message, message);
      assert.equal(failure.code, "handler-failed", on);
      instance.close();
    }
  });

  rule("a failed call leaves the briefcase as it was, and sends nothing", async ({ executor }) => {
    const on = `append(ctx, m) {
      ctx.briefcase.list.push(m);
      ctx.open("bar").append(m);
      ctx.relocate("south");
      ctx.exit();
      if (m === "bad") throw new Error("no");
      return ctx.briefcase.list;
    }`;
    const program = programOf(on, { briefcase: packValue({ list: [] }) });
    const instance = await executor.start(program, new TestHost());
    await append(instance, "a");
    await failureOf(instance, "bad");
    const result = await append(instance, "b");
    assert.ok(result.type === "done");
    assert.deepEqual(result.reply, ["a", "b"]);
    assert.deepEqual(result.briefcase, { list: ["a", "b"] });
    assert.deepEqual(result.appends, [["bar", "b"]]);
  });

  rule("malformed bytes fail the call", async ({ executor }) => {
    const instance = await executor.start(programOf("append: () => 1"), new TestHost());
    for (const argument of [
      new Uint8Array(),
      new Uint8Array([0xc1, 0xff]),
      new Uint8Array([0xdb]),
    ]) {
      const [result] = await run(instance, [{ handler: "append", argument, message: undefined }]);
      assert.ok(result?.type === "failed");
      assert.equal(result.fault.code, "value-malformed");
    }
    assert.equal(await replyOf(instance, 0), 1);
  });

  rule("a reply that cannot travel fails the call", async ({ executor }) => {
    const on = "append: (ctx, m) => m ? () => 1 : 'fine'";
    const instance = await executor.start(programOf(on), new TestHost());
    assert.equal((await failureOf(instance, true)).code, "value-uncloneable");
    assert.equal(await replyOf(instance, false), "fine");
  });
}

function limits(rule: Rule): void {
  rule("a briefcase that cannot travel fails the call", async ({ executor }) => {
    for (const value of ["() => 1", "Symbol()", "new WeakMap()", "Promise.resolve()"]) {
      const on = `append(ctx, m) { if (m) ctx.briefcase.it = ${value}; return Object.keys(ctx.briefcase) }`;
      const instance = await executor.start(programOf(on), new TestHost());
      const failure = await failureOf(instance, true);
      assert.equal(failure.code, "value-uncloneable");
      assert.match(failure.message, /value\.it/);
      assert.deepEqual(await replyOf(instance, false), []);
      instance.close();
    }
  });

  rule("a briefcase whose reading throws fails the call", async ({ executor }) => {
    const on =
      "append(ctx, m) { if (m) Object.defineProperty(ctx.briefcase, 'it', { enumerable: true, get() { throw new Error('trap') } }); return 1 }";
    const instance = await executor.start(programOf(on), new TestHost());
    assert.match((await failureOf(instance, true)).message, /Error: trap/);
    assert.equal(await replyOf(instance, false), 1);
  });

  rule("a briefcase has a bounded size", async ({ executor }) => {
    const on = "append(ctx, n) { ctx.briefcase.text = 'x'.repeat(n); return n }";
    const program = programOf(on, { briefcaseBytes: 1_000 });
    const instance = await executor.start(program, new TestHost());
    assert.equal(await replyOf(instance, 900), 900);
    const failure = await failureOf(instance, 1_000);
    assert.equal(failure.code, "briefcase-too-large");
    assert.match(failure.message, /at most 1000 are taken/);
    const kept = await append(instance, 900);
    assert.equal(kept.type === "done" && kept.briefcase, undefined);
  });
}

function deadlines(rule: Rule): void {
  const on = `async append(ctx, m) {
    if (m === "quick") return ctx.briefcase.count ?? 0;
    ctx.briefcase.count = 1;
    ctx.open("baz").append(1);
    const mine = ctx.briefcase;
    await ctx.open("bar").location();
    mine.count = 2;
    ctx.briefcase = { count: 3 };
  }`;

  rule("a handler that waits beyond its deadline has failed", async ({ executor, pass }) => {
    const host = new TestHost();
    const instance = await executor.start(programOf(on, { handlerMs: 50 }), host);
    const results = run(instance, [messageOf("slow"), messageOf("quick")]);
    const request = await host.request();
    pass(50);
    const [slow, quick] = await results;
    assert.ok(slow?.type === "failed");
    assert.equal(slow.fault.code, "handler-deadline");
    assert.match(slow.fault.message, /append handler: it did not end within 50 ms/);
    assert.equal(quick?.type, "interrupted");
    // What it does afterwards is void, whenever that is.
    request.answer({ site: "south" });
    for (let time = 0; time < 10; time++) {
      const result = await append(instance, "quick");
      assert.deepEqual(result, {
        type: "done",
        briefcase: undefined,
        reply: 0,
        appends: [],
        timers: [],
        relocate: undefined,
        exits: false,
      });
    }
  });

  rule("a promise that never settles ends at the deadline", async ({ executor, pass }) => {
    const host = new TestHost();
    const instance = await executor.start(
      programOf("append(ctx) { ctx.log('waits'); return new Promise(() => {}) }", {
        handlerMs: 50,
      }),
      host,
    );
    const failure = failureOf(instance, 0);
    await host.printed(1);
    pass(50);
    assert.equal((await failure).code, "handler-deadline");
  });

  rule("a handler that ends in time is not touched by its deadline", async ({ executor, pass }) => {
    const host = new TestHost();
    const instance = await executor.start(programOf(on), host);
    const slow = append(instance, "slow");
    (await host.request()).answer({ site: "south" });
    assert.equal((await slow).type, "done");
    pass(1_000_000);
    assert.equal(await replyOf(instance, "quick"), 3);
  });
}
