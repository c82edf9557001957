import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SystemClock } from "../../base/index.ts";
import { prepareCode } from "../../code/index.ts";
import { unpackValue } from "../../wire/index.ts";
import { describeInline } from "./describe-inline.ts";
import { DescribingWorker } from "./describing-worker.ts";
import type { DescribeDefinition } from "./description.ts";

const worker = new DescribingWorker({ clock: new SystemClock(), deadlineMs: 1_000 });
after(() => worker[Symbol.asyncDispose]());

async function describe(how: DescribeDefinition, source: string) {
  const { expression } = await prepareCode("agent", { source, file: "dir/counter.ts" });
  return how(expression);
}

const refusals: readonly [what: string, source: string, code: string, message: RegExp][] = [
  [
    "a module that throws",
    "\nnull.x;\nexport default { on: {} }",
    "code-failed",
    /counter\.ts:2:6/,
  ],
  [
    "a module that throws a value other than an Error",
    "throw 5; export default 1",
    "code-failed",
    /5/,
  ],
  ["a value that is not a definition", "export default 5", "code-invalid", /not a definition/],
  [
    "a definition that throws when it is read",
    "export default { get on() { throw 1 } }",
    "code-invalid",
    /read/,
  ],
  [
    "a briefcase that throws when it is read",
    "export default { on: {}, get briefcase() { null.x } }",
    "code-invalid",
    /null/,
  ],
  [
    "a briefcase that throws when it is packed",
    "export default { on: {}, briefcase: new Proxy({}, { ownKeys() { throw 3 } }) }",
    "code-invalid",
    /3/,
  ],
  ["an unknown event", "export default { on: { apend() {} } }", "code-invalid", /apend/],
  [
    "a limit out of range",
    "export default { on: {}, limits: { handlerMs: 0 } }",
    "agent-invalid",
    /counter\.ts: limits\.handlerMs/,
  ],
  [
    "a briefcase with a function",
    "export default { on: {}, briefcase: { f() {} } }",
    "value-uncloneable",
    /counter\.ts: briefcase\.f/,
  ],
];

const ways: readonly [string, DescribeDefinition][] = [
  ["inline", describeInline({ now: () => 1_234, random: () => 0.25 })],
  ["in a worker", worker.describe],
];
for (const [way, how] of ways) {
  test(`${way}: a description has the definition's fields, its packed briefcase and its events`, async () => {
    const { briefcase, ...rest } = await describe(
      how,
      `export default { name: "counter", isolation: "thread", limits: { memoryMb: 8 }, onError: { retry: 1 },
        briefcase: { seen: new Map([["a", new Set([1])]]), when: Date.now(), chance: Math.random() },
        on: { init() {}, append: undefined, arrival() {} } }`,
    );
    assert.deepEqual(rest, {
      name: "counter",
      isolation: "thread",
      limits: { memoryMb: 8 },
      onError: { retry: 1 },
      handlers: ["init", "arrival"],
    });
    const { seen, when, chance } = unpackValue(briefcase) as Record<string, unknown>;
    assert.deepEqual(seen, new Map([["a", new Set([1])]]));
    assert.equal(typeof when, "number");
    assert.ok((chance as number) < 1);
  });

  test(`${way}: what a definition leaves out is left out, but for an empty briefcase`, async () => {
    const { briefcase, ...rest } = await describe(how, "console.log(1); export default { on: {} }");
    assert.deepEqual(rest, { handlers: [] });
    assert.deepEqual(unpackValue(briefcase), {});
  });

  for (const [what, source, code, message] of refusals) {
    test(`${way}: ${what} is refused, with its file`, async () => {
      await assert.rejects(describe(how, source), { code, message });
    });
  }
}

test("inline, time and chance are the site's", async () => {
  const { briefcase } = await describe(
    describeInline({ now: () => 1_234, random: () => 0.25 }),
    "export default { on: {}, briefcase: { at: Date.now(), chance: Math.random() } }",
  );
  assert.deepEqual(unpackValue(briefcase), { at: 1_234, chance: 0.25 });
});

const endless: readonly [string, string, RegExp][] = [
  ["an endless loop", "while (true) {} export default { on: {} }", /did not end/],
  [
    "endless promise jobs",
    "(async () => { while (true) await null })(); export default { on: {} }",
    /did not end/,
  ],
  [
    "unbounded memory",
    "const all = []; while (true) all.push(new Array(10_000).fill(1)); export default 1",
    /MiB|did not end/,
  ],
];
for (const [what, source, message] of endless) {
  test(`${what} at the top level ends, and the next definition is read`, async () => {
    const asked = [
      describe(worker.describe, source),
      describe(worker.describe, "export default { on: {} }"),
    ];
    const [bad, good] = await Promise.allSettled(asked);
    assert.equal(bad?.status, "rejected");
    assert.equal(bad.reason.code, "code-failed");
    assert.match(bad.reason.message, message);
    assert.equal(good?.status, "fulfilled");
  });
}

test("an unhandled rejection does no harm", async () => {
  await describe(worker.describe, "Promise.reject(1); export default { on: {} }");
  await describe(worker.describe, "export default { on: {} }");
});

test("a closed worker describes nothing", async () => {
  const closed = new DescribingWorker({ clock: new SystemClock() });
  await closed[Symbol.asyncDispose]();
  await assert.rejects(describe(closed.describe, "export default { on: {} }"), {
    code: "executor-failed",
  });
});
