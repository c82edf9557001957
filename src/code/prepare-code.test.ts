import assert from "node:assert/strict";
import { test } from "node:test";
import { lockDown } from "./lockdown.ts";
import { prepareCode } from "./prepare-code.ts";
import { evaluated, exported, preparedValue } from "./prepared-value.test.support.ts";

lockDown();

test("types vanish, and so does the import of defineAgent, under whatever name", async () => {
  const definition = await preparedValue(`
    import { defineAgent as define, type AgentContext } from "meander";
    import type { Other } from "./other.ts";
    interface Message { readonly by: number }
    const step: number = 2;
    export default define({ name: "counter", on: {
      append(ctx: AgentContext<Other>, { by }: Message): number { return by * step; },
    } });
  `);
  const { name, on } = definition as { name: string; on: { append(...all: unknown[]): number } };
  assert.equal(name, "counter");
  assert.equal(on.append(undefined, { by: 4 }), 8);
});

test("a default export may stand anywhere, and be a declaration", async () => {
  assert.equal(await preparedValue("export default later(); function later() { return 3 }"), 3);
  assert.equal(await preparedValue("export default 4\nconst after = 1\n"), 4);
  const named = (await preparedValue(
    "export default function f() { return f.n }; f.n = 5",
  )) as () => number;
  assert.equal(named(), 5);
  const unnamed = (await preparedValue(
    "export default async function () { return 6 }\n(1)",
  )) as () => unknown;
  assert.equal(await unnamed(), 6);
  assert.equal(typeof (await preparedValue("export default class { static x = 1 }")), "function");
});

test("a module is strict, and has no this", async () => {
  assert.equal(await preparedValue("export default this"), undefined);
  assert.equal(await preparedValue("export default (function () { return this })()"), undefined);
});

test("the same module gives the same code, wherever it is uploaded from", async () => {
  const source = "export default { on: {} };";
  const one = await prepareCode("agent", { source, file: "/home/one/counter.ts" });
  const two = await prepareCode("agent", { source, file: "C:\\two\\counter.ts" });
  assert.deepEqual(one, two);
  assert.match(one.sha256, /^[0-9a-f]{64}$/);
  assert.equal(one.source, source);
  const other = await prepareCode("agent", { source: `${source} `, file: "counter.ts" });
  assert.notEqual(other.sha256, one.sha256);
});

test("stacks name the file and the lines of what was uploaded", async () => {
  const source = `import { defineAgent } from "meander"; // one
/* two
   three */ type Four = 1;
export default defineAgent({
  on: {
    append() {
      throw new Error("here");
    },
  },
});`;
  const definition = (await preparedValue(source, "/somewhere/counter.ts")) as {
    on: { append(): void };
  };
  assert.throws(
    () => definition.on.append(),
    (error: Error) => /counter\.ts:7:13/.test(String(error.stack)),
  );
});

test("the language's names are parameters, so that none is looked up by the compartment", async () => {
  const { expression } = await prepareCode("agent", {
    source: "export default Math.max(1, undefined)",
  });
  assert.match(expression, /^\(function \(Math, undefined\) \{/);
  assert.match(expression, /\}\)\(Math, undefined\)$/);
});

test("texts that a compartment refuses are harmless in strings, comments, patterns and names", async () => {
  const source = String.raw`
    // import("x") <!-- --> eval("y")
    /* import(
       --> */
    const text = "import('a') <!-- --> eval(1) \import(x)" + 'medieval(' + ${"`import ($"}${"{1}) --> eval(`"};
    const patterns = [/import(a)/, /(?<!--)b/u, /[<!--]-->/, /eval(c)/].map((each) => each.test("<importa evalc xb -->"));
    class Names { import(x) { return x } eval (y) { return y } #import() { return 7 } all() { return this.#import() } }
    let i = 3, turns = 0;
    while (i-->0) turns++;
    const names = new Names();
    export default [text, patterns, names.import(5), names. eval(6), names.all(), turns, i];
  `;
  assert.deepEqual(await preparedValue(source, "agent.js"), await exported(source));
});

test("a class expression's name, arguments, labels and static blocks are not free variables", async () => {
  const source = `
    const A = class B { static make() { return new B() } };
    function count() { return arguments.length }
    class C { static { var hidden = 1; C.value = hidden } meta() { return new.target } }
    outer: for (const x of [1, 2]) { for (;;) continue outer }
    const { a = 1, ...rest } = { b: 2 };
    try { throw 1 } catch ({ name = "n" }) { var last = name }
    export default [A.make() instanceof A, count(1, 2), C.value, a, rest, last];
  `;
  assert.deepEqual(await preparedValue(source), [true, 2, 1, 1, { b: 2 }, "n"]);
});

test("a handler is prepared from an expression, or from a module that exports one", async () => {
  for (const source of [
    "(ctx, by: number) => by + 1",
    "async function (ctx, by) { return by + 1 }",
    "function named(ctx, by) { return by + 1 }",
    "export default (ctx, by) => by + step; const step = 1;",
    "const step = 1;\nexport default function (ctx: unknown, by: number) { return by + step }",
  ]) {
    const { expression } = await prepareCode("handler", { source, file: "counter.append" });
    const handler = evaluated(expression) as (ctx: unknown, by: number) => unknown;
    assert.equal(await handler(undefined, 4), 5, source);
  }
});

test("names like the one of the default export cost no more than others", async () => {
  const sourceOf = (name: string): string => {
    const lets = Array.from({ length: 680 }, (_, index) => `let ${name}${"_".repeat(index)}=1;`);
    return `${lets.join("")}\nexport default { on: {} };`;
  };
  /** The quickest of three, ms. */
  const timeOf = async (name: string): Promise<number> => {
    const times: number[] = [];
    for (let time = 0; time < 3; time++) {
      const at = performance.now();
      await prepareCode("agent", { source: sourceOf(name), file: "names.js" });
      times.push(performance.now() - at);
    }
    return Math.min(...times);
  };
  const [usual, alike] = [await timeOf("$other"), await timeOf("$value")];
  assert.ok(alike < 5 * usual, `${alike.toFixed(0)} ms, others ${usual.toFixed(0)} ms`);
});

test("the default export gets a name that the code does not have", async () => {
  const source = "const $value = 1, $value__ = 2; export default [$value, $value__];";
  assert.deepEqual(await preparedValue(source, "agent.js"), [1, 2]);
});
