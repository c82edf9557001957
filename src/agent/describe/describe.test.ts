import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SystemClock } from "../../base/index.ts";
import { prepareCode } from "../../code/index.ts";
import { unpackValue } from "../../wire/index.ts";
import { openAgentProcesses } from "../agent-processes.ts";
import { inlineReader } from "./inline-reader.ts";
import { ProcessReader } from "./process-reader.ts";
import type { UploadReader } from "./upload-reader.ts";

const pool = openAgentProcesses();
after(() => pool[Symbol.asyncDispose]());
const reader = new ProcessReader({ pool, clock: new SystemClock(), deadlineMs: 1_000 });

async function describe(how: UploadReader, source: string, owner = "shell-1") {
  const { definition } = await how.agent({ source, file: "dir/counter.ts" }, owner);
  return definition;
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

const inline = inlineReader({ prepare: prepareCode, now: () => 1_234, random: () => 0.25 });
const ways: readonly [string, UploadReader][] = [
  ["inline", inline],
  ["in a process", reader],
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
    inline,
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
    const asked = [describe(reader, source), describe(reader, "export default { on: {} }")];
    const [bad, good] = await Promise.allSettled(asked);
    assert.equal(bad?.status, "rejected");
    assert.equal(bad.reason.code, "code-failed");
    assert.match(bad.reason.message, message);
    assert.equal(good?.status, "fulfilled");
  });
}

test("an unhandled rejection does no harm", async () => {
  await describe(reader, "Promise.reject(1); export default { on: {} }");
  await describe(reader, "export default { on: {} }");
});

for (const [way, how] of ways) {
  test(`${way}: code is prepared as it is anywhere, and refused with its place`, async () => {
    const source = { source: "export default { on: { append: (ctx) => outside } };", file: "a.ts" };
    const refused = await prepareCode("agent", source).catch((error: Error) => error);
    await assert.rejects(how.agent(source, "shell-1"), (error: Error) => {
      assert.equal(error.message, (refused as Error).message);
      return true;
    });
    const fine = { source: "export default { on: { append: (ctx, m) => m } };", file: "a.ts" };
    const { code } = await how.agent(fine, "shell-1");
    assert.deepEqual(code, await prepareCode("agent", fine));
  });

  test(`${way}: a handler is prepared, and not evaluated`, async () => {
    const handler = { source: "(ctx, m) => { for (;;); }", file: "counter.append" };
    assert.deepEqual(await how.handler(handler, "shell-1"), await prepareCode("handler", handler));
    await assert.rejects(how.handler({ source: "1 +" }, "shell-1"), { code: "code-syntax" });
  });
}

test("what ends the engine while an upload is read is that upload's failure", async () => {
  await assert.rejects(describe(reader, "new Array(5e7).fill(1.1); export default { on: {} }"), {
    code: "code-failed",
    message: /used up 64 MiB|did not end/,
  });
  assert.deepEqual((await describe(reader, "export default { on: {} }")).handlers, []);
});

test("one upload finds nothing of another", async () => {
  const source = `const seen = globalThis.mine; globalThis.mine = 1; Object.prototype.toString.mine = 1;
    export default { on: {}, briefcase: { seen, shared: Object.prototype.toString.mine } }`;
  for (const _ of [1, 2]) {
    const { briefcase } = await describe(reader, source).catch(() => ({ briefcase: undefined }));
    if (briefcase !== undefined)
      assert.equal((unpackValue(briefcase) as Record<string, unknown>)["seen"], undefined);
  }
});

test("an owner's costly uploads do not hold up another's", async () => {
  let isOver = false;
  const costly = Promise.allSettled(
    [1, 2, 3].map((n) => describe(reader, `for (;;) {} ${n}; export default { on: {} }`, "evil")),
  ).then(() => {
    isOver = true;
  });
  await describe(reader, "export default { on: {} }", "good");
  assert.equal(isOver, false);
  await costly;
});

test("a closed pool reads nothing", async () => {
  const closed = openAgentProcesses();
  await closed[Symbol.asyncDispose]();
  const late = new ProcessReader({ pool: closed, clock: new SystemClock() });
  await assert.rejects(describe(late, "export default { on: {} }"), { code: "executor-failed" });
});
