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

  rule(
    "lines have a bounded length, and come at a bounded rate; the others are counted",
    async (under) => {
      const on = `append(ctx, m) {
      if (m === "long") console.log("x".repeat(100_000));
      else for (let n = 0; n < 5000; n++) console.log(n);
    }`;
      const host = new TestHost();
      const instance = await under.executor.start(programOf(on), host);
      await append(instance, "long");
      assert.equal(host.lines[0]?.length, LIMITS.handlerLineCharactersMax);
      await append(instance, "many");
      const printed = host.lines.filter((line) => /^\d+$/.test(line)).length;
      assert.ok(printed >= LIMITS.agentLinesBurst - 1 && printed < 2 * LIMITS.agentLinesBurst);
      assert.ok(host.lines.some((line) => /lines a second are left out/.test(line)));
      while (!host.lines.some((line) => /^… \d+ lines? (was|were) left out$/.test(line))) {
        under.pass(100);
        await append(instance, "long");
      }
    },
  );

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
