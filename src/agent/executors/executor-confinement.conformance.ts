import assert from "node:assert/strict";
import { packValue } from "../../wire/index.ts";
import {
  append,
  programOf,
  type Rule,
  replyOf,
  run,
  TestHost,
  told,
} from "./executor.test.support.ts";
import { REACHABLE_ON, type Reachable } from "./reachable.test.support.ts";

/** What agents do not have, and cannot reach. */
export function confinement(rule: Rule): void {
  rule("an agent has the language, and nothing of its host", async ({ executor }) => {
    const names = [
      "process",
      "require",
      "module",
      "fetch",
      "setTimeout",
      "setImmediate",
      "queueMicrotask",
      "performance",
      "Buffer",
      "WebAssembly",
      "SharedArrayBuffer",
      "Atomics",
      "WeakRef",
      "FinalizationRegistry",
      "structuredClone",
      "Compartment",
      "lockdown",
      "window",
      "self",
      "global",
    ];
    const on = `append: (ctx, names) => names.filter((name) => name in globalThis || (0, eval)("typeof " + name) !== "undefined")`;
    const instance = await executor.start(programOf(on), new TestHost());
    assert.deepEqual(await replyOf(instance, names), []);
    const kept = ["Map", "Promise", "JSON", "Proxy", "TextEncoder", "console", "Date", "Math"];
    assert.deepEqual(await replyOf(instance, kept), kept);
  });

  rule("there is no way out of the compartment", async ({ executor }) => {
    for (const way of [
      "(() => {}).constructor('return process')()",
      "(async () => {}).constructor('return process')()",
      "(function* () {}).constructor('return process')().next()",
      "ctx.open.constructor('return process')()",
      "ctx.constructor.constructor('return process')()",
      "Object.getPrototypeOf(ctx).open.constructor('return process')()",
      "console.log.constructor('return process')()",
      "new Function('return process')()",
      "(0, eval)('process')",
      "Reflect.construct(Function, ['return process'])()",
      "ctx.open('x').append(1).constructor.constructor('return process')()",
      "ctx.local.constructor.constructor('return process')()",
      "(() => { const e = new Error(); Error.prepareStackTrace = (_, f) => f; return e.stack[0].getThis().process.pid })()",
    ]) {
      const on = `append(ctx) { try { return "reached " + typeof (${way}) } catch (error) { return "refused" } }`;
      const instance = await executor.start(programOf(on), new TestHost());
      const reply = await replyOf(instance, 0);
      assert.ok(reply === "refused" || reply === "reached undefined", `${way}: ${String(reply)}`);
      instance.close();
    }
  });

  rule("bytes are plain bytes, whatever class brought them", async ({ executor }) => {
    const on = "append: (ctx, m) => [m.constructor === Uint8Array, m.buffer.byteLength]";
    const instance = await executor.start(programOf(on), new TestHost());
    for (const bytes of [packValue(new Uint8Array(4)), new Uint8Array([0xc4, 4, 1, 2, 3, 4])]) {
      const argument = Buffer.from(bytes);
      const [result] = await run(instance, [{ handler: "append", argument, message: undefined }]);
      assert.ok(result !== undefined);
      const { reply } = told(result) as { readonly reply: unknown };
      assert.deepEqual(reply, [true, 4]);
    }
  });

  rule("nothing that agents share can be changed", async ({ executor }) => {
    for (const change of [
      "Object.prototype.mine = 1",
      "Array.prototype.push = () => 0",
      "Promise.prototype.then = () => 0",
      "Math.floor = () => 0",
      "Date.prototype.getTime = () => 0",
      "JSON.parse = () => 0",
      "console.log = () => 0",
      "Object.getPrototypeOf(ctx).open = () => 0",
      "Object.getPrototypeOf(ctx).constructor.mine = 1",
      "Object.getPrototypeOf(ctx.open('x')).append = () => 0",
      "Object.getPrototypeOf(ctx.open('x').agent('y')).detach = () => 0",
      "Object.getPrototypeOf(ctx.group(['x'])).append = () => 0",
      "Error.prototype.code = 'mine'",
    ]) {
      const on = `append(ctx) { "use strict"; ${change} }`;
      const instance = await executor.start(programOf(on), new TestHost());
      const result = await append(instance, 0);
      assert.equal(result.type, "failed", change);
      instance.close();
    }
  });

  rule(
    "nothing that an agent reaches can be changed, and nothing of it is the host's",
    async (under) => {
      const host = new TestHost();
      const instance = await under.executor.start(programOf(REACHABLE_ON), host);
      const reply = replyOf(instance, { of: "the sender" });
      // What it asks of its site.
      for (let asked = 0; asked < 2; asked++) (await host.request()).refuse("x-y", "refused");
      const { mutable, forbidden, count } = (await reply) as Reachable;
      assert.deepEqual({ mutable, forbidden }, { mutable: [], forbidden: [] });
      assert.ok(count > 500, `${count} things`);
    },
  );

  rule("agents do not see each other", async ({ executor }) => {
    const on = `append(ctx, m) {
      const seen = [globalThis.mine, Array.mine, Map.mine, ctx.local.mine, ctx.constructor.mine];
      for (const target of [globalThis, Array, Map, ctx.local, ctx.constructor]) {
        try { target.mine = m } catch {}
      }
      return seen;
    }`;
    const one = await executor.start(programOf(on), new TestHost());
    const two = await executor.start(programOf(on, { stream: "other" }), new TestHost());
    await append(one, "one");
    await append(two, "two");
    assert.deepEqual(await replyOf(one, "x"), ["one", undefined, undefined, "one", undefined]);
    assert.deepEqual(await replyOf(two, "x"), ["two", undefined, undefined, "two", undefined]);
  });

  rule("errors of the site bring nothing of it along", async ({ executor }) => {
    const on = `append(ctx) {
      try { ctx.open(5) } catch (error) {
        return [Object.getPrototypeOf(error) === Error.prototype, error.code, "cause" in error];
      }
    }`;
    const instance = await executor.start(programOf(on), new TestHost());
    assert.deepEqual(await replyOf(instance, 0), [true, "request-invalid", false]);
  });

  rule("the code of an error that an agent made counts for nothing", async ({ executor }) => {
    const on =
      "append() { throw Object.assign(new Error('x'), { code: 'handler-deadline', name: 'MeanderError' }) }";
    const instance = await executor.start(programOf(on), new TestHost());
    const result = await append(instance, 0);
    assert.equal(result.type === "failed" && result.code, "handler-failed");
  });

  rule(
    "libraries of the language are quick to reach, and still the confined ones",
    async (under) => {
      const on = `append() {
      const { random } = Math;
      return [Math === globalThis.Math, Date === globalThis.Date, typeof random, [3, 1].sort().at(0)];
    }`;
      const instance = await under.executor.start(programOf(on), new TestHost());
      assert.deepEqual(await replyOf(instance, 0), [true, true, "function", 1]);
    },
  );
}
