import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Log, type LogFields, SILENT, SystemClock } from "../../base/index.ts";
import { openAgentProcesses } from "../agent-processes.ts";
import type { AgentInstance, AgentProgram, InvocationResult } from "../executor.ts";
import type { ConfinedProcess, ProcessPool } from "../processes/index.ts";
import { executorConformance } from "./executor.conformance.ts";
import {
  type ExecutorUnderTest,
  failureOf,
  messageOf,
  programOf,
  replyOf,
  run,
  TestHost,
} from "./executor.test.support.ts";
import { type ExecutorMaxima, ProcessExecutor } from "./process-executor.ts";

/** Of all executors here. */
const pool = openAgentProcesses();
after(() => pool[Symbol.asyncDispose]());
/** One process for the whole suite: nothing that an agent does there may show in another. */
const shared = new ProcessExecutor({ pool, clock: new SystemClock(), log: SILENT });
after(() => shared[Symbol.asyncDispose]());
executorConformance(
  "process",
  async (): Promise<ExecutorUnderTest> => ({
    executor: shared,
    pass() {},
    async [Symbol.asyncDispose]() {},
  }),
);

const MIXED = `append(ctx, m) {
  if (m === "loop") for (;;);
  if (m === "promises") { (async () => { for (;;) await null })(); return "continued" }
  if (m === "heap") { const all = []; for (;;) all.push({ all: [all.length] }) }
  if (m === "wait") return ctx.open("bar").location();
  return m;
}`;

/** An executor whose warnings are kept. */
function made(maxima?: Partial<ExecutorMaxima>): Made {
  const warnings: LogFields[] = [];
  const log: Log = { ...SILENT, warn: (_, fields = {}) => void warnings.push(fields) };
  const taken: ConfinedProcess[] = [];
  const noting = {
    take(memoryMb?: number) {
      const process = pool.take(memoryMb);
      taken.push(process);
      return process;
    },
  } as ProcessPool;
  const clock = new SystemClock();
  return { executor: new ProcessExecutor({ pool: noting, clock, log, maxima }), warnings, taken };
}

interface Made {
  readonly executor: ProcessExecutor;
  readonly warnings: LogFields[];
  /** Its processes, in the order of their starts. */
  readonly taken: ConfinedProcess[];
}

function codesOf(results: readonly InvocationResult[]): string[] {
  return results.map((result) => (result.type === "failed" ? result.fault.code : result.type));
}

for (const [how, ending] of [
  ["loop", "an endless loop"],
  ["promises", "an endless row of promises"],
] as const) {
  test(`process: ${ending} ends at the deadline, and the agents of its process with it`, async () => {
    const { executor, warnings } = made();
    await using _ = executor;
    const start = (changes: Partial<AgentProgram>): Promise<AgentInstance> =>
      executor.start(programOf(MIXED, changes), new TestHost());
    const guilty = await start({ stream: "guilty", handlerMs: 100 });
    const waiting = await start({ stream: "waiting" });
    const idle = await start({ stream: "idle" });
    const elsewhere = await start({ stream: "elsewhere", owner: "shell-2" });
    const waited = run(waiting, [messageOf("wait"), messageOf("x")]);
    const looped = run(guilty, [messageOf("fine"), messageOf(how), messageOf("y")]);
    const fault = await guilty.ended;
    assert.equal(fault.code, "handler-deadline");
    assert.match(fault.message, /did not return within 100 ms \(limits\.handlerMs\)/);
    const results = await looped;
    const expected = how === "loop" ? ["handler-deadline", "interrupted"] : ["done", "done"];
    assert.deepEqual(codesOf(results), ["done", ...expected]);
    const marked = results.map((result) => result.type === "failed" && result.fault.endedExecutor);
    assert.deepEqual(marked, [false, how === "loop", false]);
    assert.deepEqual(codesOf(await waited), ["interrupted", "interrupted"]);
    assert.match((await idle.ended).message, /because of guilty\/counter/);
    assert.equal((await waiting.ended).code, "executor-failed");
    assert.equal(await replyOf(elsewhere, 5), 5);
    assert.deepEqual(
      warnings.map(({ memoryMb: _, ...fields }) => fields),
      [
        {
          owner: "shell-1",
          agent: "guilty/counter",
          reason: "it did not return within 100 ms (limits.handlerMs)",
          others: ["waiting/counter", "idle/counter"],
          othersInterrupted: 1,
        },
      ],
    );
    // Calls of what has ended fail, and a new start gets a new process.
    assert.equal((await failureOf(idle, 1)).code, "executor-failed");
    await assert.rejects(idle.setHandler("append", "() => 1"), { code: "executor-failed" });
    assert.equal(await replyOf(await start({ stream: "guilty" }), 6), 6);
  });
}

test("process: a heap that grows without end fails the handler, naming the limit", async () => {
  const { executor } = made();
  await using _ = executor;
  const hungry = await executor.start(programOf(MIXED, { memoryMb: 16 }), new TestHost());
  const other = await executor.start(programOf(MIXED, { memoryMb: 16 }), new TestHost());
  const failure = await failureOf(hungry, "heap");
  assert.equal(failure.code, "executor-failed");
  assert.match(failure.message, /out of memory, bound 16 MiB \(limits\.memoryMb\)/);
  assert.match((await other.ended).message, /because of foo\/counter: .*16 MiB/);
});

test("process: a handler that prints for ever ends at its deadline: a line is no progress", async () => {
  const { executor } = made();
  await using _ = executor;
  const program = programOf("append: (ctx) => { for (;;) ctx.log(1) }", { handlerMs: 300 });
  const instance = await executor.start(program, new TestHost());
  const { code } = await failureOf(instance, 0);
  assert.equal(code, "handler-deadline");
});

test("process: an agent that asks for a process of its own ends alone", async () => {
  const { executor } = made();
  await using _ = executor;
  const alone = await executor.start(
    programOf(MIXED, { isolation: "thread", handlerMs: 100 }),
    new TestHost(),
  );
  const other = await executor.start(programOf(MIXED), new TestHost());
  assert.equal((await failureOf(alone, "loop")).code, "handler-deadline");
  assert.equal(await replyOf(other, 5), 5);
});

test("process: code whose evaluation never ends does not start, nor replace a handler", async () => {
  const { executor } = made();
  await using _ = executor;
  const endless = "(() => { for (;;); })()";
  await assert.rejects(
    executor.start(programOf("", { code: endless, handlerMs: 100 }), new TestHost()),
    { code: "handler-deadline" },
  );
  const instance = await executor.start(programOf(MIXED, { handlerMs: 100 }), new TestHost());
  await assert.rejects(instance.setHandler("append", endless), { code: "handler-deadline" });
  assert.equal((await instance.ended).code, "handler-deadline");
});

test("process: many agents of one owner share a process, and none loses or mixes its messages", async () => {
  const { executor, warnings } = made();
  await using _ = executor;
  const agents = await Promise.all(
    Array.from({ length: 100 }, (__, index) =>
      executor.start(
        programOf(
          "append(ctx, m) { if (m === 'loop') for (;;); ctx.briefcase.n = (ctx.briefcase.n ?? 0) + 1; return [ctx.stream, m, ctx.briefcase.n] }",
          { stream: `s${index}`, handlerMs: index === 0 ? 100 : 60_000 },
        ),
        new TestHost(),
      ),
    ),
  );
  const replies = await Promise.all(
    agents.map(async (agent, index) => [
      await replyOf(agent, index),
      await replyOf(agent, index + 1),
    ]),
  );
  assert.deepEqual(
    replies,
    agents.map((__, index) => [
      [`s${index}`, index, 1],
      [`s${index}`, index + 1, 2],
    ]),
  );
  const [first, ...others] = agents;
  first?.run([messageOf("loop")], () => {});
  await Promise.all(others.map(({ ended }) => ended));
  assert.deepEqual(
    warnings[0]?.["others"],
    agents.slice(1).map((__, index) => `s${index + 1}/counter`),
  );
});

test("process: an unhandled rejection fails the handler of its agent, or is printed", async () => {
  const { executor } = made();
  await using _ = executor;
  const host = new TestHost();
  const instance = await executor.start(
    programOf(
      "append(ctx, m) { Promise.reject(m); if (m !== 'sync') return new Promise(() => {}) }",
    ),
    host,
  );
  assert.match((await failureOf(instance, "late")).message, /not handled: .*late/);
  await run(instance, [messageOf("sync")]);
  await host.printed(1);
  assert.match(host.lines[0] ?? "", /not handled: .*sync/);
});

test("process: calls after an interruption do not start, though the process is busy", async () => {
  const { executor } = made();
  await using _ = executor;
  const host = new TestHost();
  const instance = await executor.start(
    programOf(
      "append(ctx, m) { ctx.log(m); const until = ctx.now() + 20; while (ctx.now() < until); }",
    ),
    host,
  );
  const results = run(
    instance,
    Array.from({ length: 500 }, (__, index) => messageOf(index)),
  );
  await host.printed(1);
  instance.interrupt();
  const types = (await results).map(({ type }) => type);
  const ended = types.indexOf("interrupted");
  assert.ok(ended > 0, "some have run, and not all");
  assert.ok(types.slice(0, ended).every((type) => type === "done"));
  assert.ok(types.slice(ended).every((type) => type === "interrupted"));
});

test("process: of results that come together, all but the last say that more follow", async () => {
  const { executor } = made();
  await using _ = executor;
  const instance = await executor.start(programOf("append: (ctx, m) => m"), new TestHost());
  const told: [turn: number, more: boolean][] = [];
  let turn = 0;
  await new Promise<void>((resolve) => {
    instance.run(
      Array.from({ length: 100 }, (__, index) => messageOf(index)),
      (index, ___, more = false) => {
        told.push([turn, more]);
        // A turn of the event loop, as others see it.
        if (!more) queueMicrotask(() => turn++);
        if (index === 99) resolve();
      },
    );
  });
  assert.equal(told.at(-1)?.[1], false);
  assert.ok(told.some(([, more]) => more));
  for (const [index, [at, more]] of told.entries())
    assert.equal(told[index + 1]?.[0] === at, more, `result ${index}`);
});

test("process: an executor that is disposed of ends its processes and reports nothing", async () => {
  const { executor, warnings } = made();
  const instance = await executor.start(programOf(MIXED), new TestHost());
  instance.run([messageOf("loop")], () => assert.fail("nothing is reported"));
  void instance.ended.then(() => assert.fail("it was closed"));
  await executor[Symbol.asyncDispose]();
  await assert.rejects(executor.start(programOf(MIXED), new TestHost()), {
    code: "executor-failed",
  });
  assert.deepEqual(warnings, []);
});
