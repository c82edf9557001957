import assert from "node:assert/strict";
import { after, test } from "node:test";
import { LIMITS, SILENT, SystemClock } from "../../base/index.ts";
import { packValue } from "../../wire/index.ts";
import { openAgentProcesses } from "../agent-processes.ts";
import type { InvocationResult } from "../executor.ts";
import type { ConfinedProcess, ProcessPool } from "../processes/index.ts";
import {
  failureOf,
  messageOf,
  programOf,
  replyOf,
  run,
  TestHost,
  told,
} from "./executor.test.support.ts";
import { type ExecutorMaxima, ProcessExecutor } from "./process-executor.ts";

const hasProc = process.platform === "linux";
const pool = openAgentProcesses();
after(() => pool[Symbol.asyncDispose]());

/** An executor, and its processes in the order of their starts. */
function made(maxima?: Partial<ExecutorMaxima>): {
  readonly executor: ProcessExecutor;
  readonly taken: readonly ConfinedProcess[];
} {
  const taken: ConfinedProcess[] = [];
  const noting = {
    take(memoryMb?: number) {
      taken.push(pool.take(memoryMb));
      return taken.at(-1);
    },
  } as ProcessPool;
  const clock = new SystemClock();
  return { executor: new ProcessExecutor({ pool: noting, clock, log: SILENT, maxima }), taken };
}

function typesOf(results: readonly InvocationResult[]): string[] {
  return results.map((result) => {
    if (result.type !== "failed") return result.type;
    return result.fault.endedExecutor === true ? "failed, marked" : "failed";
  });
}

for (const [what, body, bound] of [
  ["an array that the engine cannot allocate", "return new Array(5e7).fill(1.1).length", 64],
  ["a heap that grows by ordinary objects", "const a = []; for (;;) a.push({ a: a.length })", 32],
  ["a map that grows", "const all = new Map(); for (let n = 0; ; n++) all.set(n, n)", 32],
  [
    "a text that grows in memory",
    "const a = []; for (let n = 0; ; n++) a.push('x'.repeat(1000) + n)",
    32,
  ],
] as const) {
  test(`process: ${what} fails the call that ran, and nothing else`, async () => {
    const { executor } = made();
    await using _ = executor;
    const start = (on: string, stream: string) =>
      executor.start(programOf(on, { stream, memoryMb: bound }), new TestHost());
    const guilty = await start(`append(ctx, m) { if (m === "go") { ${body} } return m }`, "guilty");
    const waiting = await start("append: (ctx) => ctx.open('bar').location()", "waiting");
    const waited = run(waiting, [messageOf(1), messageOf(2)]);
    const results = await run(guilty, [messageOf("fine"), messageOf("go"), messageOf("after")]);
    assert.deepEqual(typesOf(results), ["done", "failed, marked", "interrupted"]);
    const failed = results[1];
    assert.ok(failed?.type === "failed");
    assert.equal(failed.fault.code, "executor-failed");
    assert.match(failed.fault.message, new RegExp(`bound ${bound} MiB \\(limits\\.memoryMb\\)`));
    assert.deepEqual(typesOf(await waited), ["interrupted", "interrupted"]);
    assert.equal(await replyOf(await start("append: (ctx, m) => m", "guilty"), 5), 5);
  });
}

test("process: buffers count towards its memory", { skip: !hasProc }, async () => {
  const { executor } = made();
  await using _ = executor;
  const on = `append(ctx, m) {
    const all = ctx.local.all ??= [];
    for (let n = 0; n < m; n++) all.push(new Uint8Array(2 ** 24).fill(1));
    return all.length;
  }`;
  const host = new TestHost();
  const instance = await executor.start(programOf(on), host);
  assert.equal(await replyOf(instance, 2), 2);
  const [result] = await run(instance, [messageOf(100)]);
  assert.ok(result?.type === "failed", "1.6 GB are too much for 64 MiB");
  assert.match(result.fault.message, /RangeError|out of memory/);
});

for (const [what, body] of [
  ["a regular expression", `/^(a+)+$/.test("a".repeat(40) + "b")`],
  ["arithmetic of large numbers", "let b = 3n ** 30000000n; String(b)"],
  ["a search in a large array", "const u = new Uint8Array(2 ** 25); for (;;) u.indexOf(1)"],
  ["a sort", "[2, 1].sort(() => { for (;;); })"],
] as const) {
  test(`process: ${what} ends at the deadline`, async () => {
    const { executor } = made();
    await using _ = executor;
    const on = `append(ctx, m) { if (m === "go") { ${body} } return m }`;
    const instance = await executor.start(programOf(on, { handlerMs: 1_000 }), new TestHost());
    assert.equal(await replyOf(instance, 1), 1);
    const results = await run(instance, [messageOf("go"), messageOf(2)]);
    assert.deepEqual(typesOf(results), ["failed, marked", "interrupted"]);
    assert.equal(results[0]?.type === "failed" && results[0].fault.code, "handler-deadline");
  });
}

/** Counts in its briefcase, and takes a moment for each message. */
const COUNTING = `append(ctx, m) {
  ctx.briefcase.n++;
  if (m === "wait") return ctx.open("bar").location();
  for (let n = 0; n < 2e5; n++) Math.sqrt(n);
  return ctx.briefcase.n;
}`;

for (const step of [0, 1, 2, 3, 7, 20, 63, 64, 65, 100]) {
  test(`process: killed from outside ${step} results into a batch, no result counts twice or never`, async () => {
    const { executor, taken } = made();
    await using _ = executor;
    const program = programOf(COUNTING, { briefcase: packValue({ n: 0 }) });
    const instance = await executor.start(program, new TestHost());
    const results: InvocationResult[] = [];
    const kill = (): boolean => process.kill(taken[0]?.pid as number, "SIGKILL");
    await new Promise<void>((resolve) => {
      instance.run(
        Array.from({ length: 120 }, (__, index) => messageOf(index)),
        (index, result) => {
          assert.equal(index, results.length);
          results.push(result);
          if (results.length === step) kill();
          if (results.length === 120) resolve();
        },
      );
      if (step === 0) kill();
    });
    const types = typesOf(results);
    const done = types.filter((type) => type === "done").length;
    const rest = types.slice(done);
    assert.ok(done >= step);
    assert.ok(rest.length === 0 || ["failed, marked", "interrupted"].includes(rest[0] as string));
    assert.ok(rest.slice(1).every((type) => type === "interrupted"));
    const replies = results
      .slice(0, done)
      .map((result) => (told(result) as { reply: unknown }).reply);
    assert.deepEqual(
      replies,
      Array.from({ length: done }, (__, index) => index + 1),
    );
    if (rest.length > 0) assert.equal((await instance.ended).code, "executor-failed");
  });
}

test("process: killed from outside while a handler waits, that call has failed", async () => {
  const { executor, taken } = made();
  await using _ = executor;
  const host = new TestHost();
  const program = programOf(COUNTING, { briefcase: packValue({ n: 0 }) });
  const waiting = await executor.start(program, host);
  const idle = await executor.start(programOf("append: (ctx, m) => m"), new TestHost());
  const results = run(waiting, [messageOf("wait"), messageOf(1)]);
  await host.request();
  while (taken[0]?.look()?.running !== undefined) await new Promise((done) => setImmediate(done));
  process.kill(taken[0]?.pid as number, "SIGKILL");
  assert.deepEqual(typesOf(await results), ["failed, marked", "interrupted"]);
  assert.match((await idle.ended).message, /SIGKILL/);
});

test("process: one that is stopped ends at the deadline of what it ran", {
  skip: !hasProc,
}, async () => {
  const { executor, taken } = made();
  await using _ = executor;
  const program = programOf("append() { for (;;); }", { handlerMs: 300 });
  const instance = await executor.start(program, new TestHost());
  const results = run(instance, [messageOf(1), messageOf(2)]);
  while (taken[0]?.look()?.running === undefined) await new Promise((done) => setImmediate(done));
  process.kill(taken[0]?.pid as number, "SIGSTOP");
  assert.deepEqual(typesOf(await results), ["failed, marked", "interrupted"]);
});

test("process: one that is stopped and has begun nothing is ended, and no call is to blame", {
  skip: !hasProc,
}, async () => {
  const { executor, taken } = made();
  await using _ = executor;
  const instance = await executor.start(programOf("append: (ctx, m) => m"), new TestHost());
  process.kill(taken[0]?.pid as number, "SIGSTOP");
  const results = await run(instance, [messageOf(1), messageOf(2)]);
  assert.deepEqual(typesOf(results), ["interrupted", "interrupted"]);
});

test("process: messages and effects at their limits pass", async () => {
  const { executor } = made();
  await using _ = executor;
  const half = LIMITS.streamMessageBytesMax / 2;
  const on = `append(ctx, m) {
    for (let n = 0; n < 20; n++) ctx.open("bar").append(m);
    for (let n = 0; n < 300; n++) ctx.log("x".repeat(${LIMITS.handlerLineCharactersMax}));
    return m;
  }`;
  const host = new TestHost();
  const instance = await executor.start(programOf(on), host);
  const results = await run(
    instance,
    [1, 2, 3].map((n) => messageOf(new Uint8Array(half).fill(n))),
  );
  for (const [index, result] of results.entries()) {
    const { type, ...rest } = told(result);
    assert.equal(type, "done", JSON.stringify(rest));
    const { reply, appends } = rest as { reply: Uint8Array; appends: readonly unknown[] };
    assert.deepEqual([reply.byteLength, reply[0], appends.length], [half, index + 1, 20]);
  }
  assert.equal(host.lines.length, 900);
});

test("process: what a site allows bounds what an agent asks for", async () => {
  const { executor, taken } = made({ memoryMb: 32, handlerMs: 100 });
  await using _ = executor;
  const on = "append() { for (;;); }";
  const program = programOf(on, { memoryMb: 4_096, handlerMs: 600_000 });
  const instance = await executor.start(program, new TestHost());
  assert.equal(taken[0]?.memoryMb, 32);
  assert.match((await failureOf(instance, 1)).message, /within 100 ms/);
});

test("process: at the most processes, the one used longest ago makes room; else it is waited for", async () => {
  const { executor } = made({ processes: 2 });
  await using _ = executor;
  const on = "append(ctx, m) { return m === 'wait' ? ctx.open('bar').location() : m }";
  const start = (owner: string, host = new TestHost()) =>
    executor.start(programOf(on, { owner, stream: owner }), host);
  const one = await start("one");
  const two = await start("two");
  await replyOf(one, 1);
  const three = await start("three");
  assert.match((await two.ended).message, /make room/);
  assert.equal(executor.use.processes, 2);
  assert.equal(await replyOf(three, 5), 5);
  // All are busy: what comes now waits, and is told the bound when that takes too long.
  const host = new TestHost();
  void one.run([messageOf("wait")], () => {});
  void three.run([messageOf("wait")], () => {});
  await assert.rejects(start("four", host), {
    code: "executor-failed",
    message: /at most 2 processes/,
  });
});

test("process: the memory that is promised to all together is bounded", async () => {
  const { executor } = made({ totalMemoryMb: 100 });
  await using _ = executor;
  const start = (owner: string) =>
    executor.start(programOf("append: (ctx, m) => m", { owner }), new TestHost());
  const one = await start("one");
  await start("two");
  assert.match((await one.ended).message, /make room/);
});
