import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { SILENT, VirtualClock } from "../../base/index.ts";
import { executorConformance } from "./executor.conformance.ts";
import {
  type ExecutorUnderTest,
  messageOf,
  programOf,
  run,
  TestHost,
} from "./executor.test.support.ts";
import { InlineExecutor } from "./inline-executor.ts";

executorConformance("inline", async (): Promise<ExecutorUnderTest> => {
  const clock = new VirtualClock();
  const executor = await InlineExecutor.open({ clock, log: SILENT });
  return {
    executor,
    pass: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => executor[Symbol.asyncDispose](),
  };
});

test("inline: handlers that wait for nothing have all been reported when run returns", async () => {
  await using executor = await InlineExecutor.open({ clock: new VirtualClock(), log: SILENT });
  const instance = await executor.start(programOf("append: (ctx, m) => m"), new TestHost());
  const types: string[] = [];
  instance.run(
    [1, 2, 3].map((n) => messageOf(n)),
    (_, { type }) => types.push(type),
  );
  assert.deepEqual(types, ["done", "done", "done"]);
});

test("inline: no timer is left behind by handlers that have ended", async () => {
  const clock = new VirtualClock();
  await using executor = await InlineExecutor.open({ clock, log: SILENT });
  const instance = await executor.start(programOf("async append() { await null }"), new TestHost());
  const results = run(instance, [messageOf(1)]);
  assert.deepEqual(clock.pending, ["handler deadline"]);
  await results;
  assert.deepEqual(clock.pending, []);
  instance.run([messageOf(2)], () => assert.fail("it was closed"));
  instance.close();
  assert.deepEqual(clock.pending, []);
});

test("inline: an unhandled rejection belongs to its agent, and others to the process", async () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", STRAY, new URL(".", import.meta.url).href],
    { encoding: "utf8" },
  );
  assert.deepEqual(
    stdout.trim().split("\n"),
    [
      "sync done",
      "line: a promise was rejected and not handled: Error: stray sync (foo/counter:N)",
      "error failed append handler: a promise was rejected and not handled: Error: stray error (foo/counter:N)",
      "value failed append handler: a promise was rejected and not handled: it threw a value that is not an Error: stray value",
      "refused failed append handler: a promise was rejected and not handled: not found",
      "unclaimed: ours",
    ],
    stderr,
  );
});

/** A process that gives its unhandled rejections to the executor. */
const STRAY = `
  const here = process.argv[1];
  const { InlineExecutor } = await import(here + "inline-executor.js");
  const { MeanderError, SILENT, VirtualClock } = await import(here + "../../base/index.js");
  const { packValue } = await import(here + "../../wire/index.js");
  const { messageOf, programOf } = await import(here + "executor.test.support.js");
  const show = (text) => console.log(text.replace(/:\\d+:\\d+\\)/, ":N)"));
  const executor = await InlineExecutor.open({ clock: new VirtualClock(), log: SILENT });
  const unclaimed = new Promise((resolve) => {
    process.on("unhandledRejection", (reason) => {
      if (!executor.claimRejection(reason)) resolve(reason.message);
    });
  });
  let printed;
  const line = new Promise((resolve) => { printed = resolve });
  const host = {
    call: async () => { throw new MeanderError("x-y", "not found") },
    log: (text) => printed(text), now: () => 0, random: () => 0,
  };
  const on = \`append(ctx, m) {
    if (m === "value") Promise.reject("stray value");
    else if (m === "refused") ctx.open("bar").destroy();
    else Promise.reject(new Error("stray " + m));
    if (m !== "sync") return new Promise(() => {});
  }\`;
  const instance = await executor.start(programOf(on), host);
  const call = (m) => new Promise((resolve) => {
    instance.run([messageOf(m)], (_, result) => {
      show([m, result.type, result.fault?.message ?? ""].join(" ").trim());
      resolve();
    });
  });
  await call("sync");
  show("line: " + await line);
  for (const m of ["error", "value", "refused"]) await call(m);
  Promise.reject(new Error("ours"));
  show("unclaimed: " + await unclaimed);
`;
