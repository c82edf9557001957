import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS, MeanderError } from "../base/index.ts";
import { CodeError } from "./code-error.ts";
import { lockDown } from "./lockdown.ts";
import { prepareAgent, prepareHandler } from "./prepare-code.ts";

lockDown();

/** What the prepared code of a module is worth in a compartment. */
async function worthOf(source: string, file = "agent.ts"): Promise<unknown> {
  const { expression } = await prepareAgent({ source, file });
  return evaluated(expression);
}

function evaluated(expression: string): unknown {
  return new Compartment({ __options__: true }).evaluate(expression);
}

/** The default export of a module, as the runtime itself reads it. */
async function exported(source: string): Promise<unknown> {
  const url = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  return ((await import(url)) as { default: unknown }).default;
}

test("types vanish, and so does the import of defineAgent, under whatever name", async () => {
  const definition = await worthOf(`
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
  assert.equal(await worthOf("export default later(); function later() { return 3 }"), 3);
  assert.equal(await worthOf("export default 4\nconst after = 1\n"), 4);
  const named = (await worthOf(
    "export default function f() { return f.n }; f.n = 5",
  )) as () => number;
  assert.equal(named(), 5);
  const unnamed = (await worthOf(
    "export default async function () { return 6 }\n(1)",
  )) as () => unknown;
  assert.equal(await unnamed(), 6);
  assert.equal(typeof (await worthOf("export default class { static x = 1 }")), "function");
});

test("a module is strict, and has no this", async () => {
  assert.equal(await worthOf("export default this"), undefined);
  assert.equal(await worthOf("export default (function () { return this })()"), undefined);
});

test("the same module gives the same code, wherever it is uploaded from", async () => {
  const source = "export default { on: {} };";
  const one = await prepareAgent({ source, file: "/home/one/counter.ts" });
  const two = await prepareAgent({ source, file: "C:\\two\\counter.ts" });
  assert.deepEqual(one, two);
  assert.match(one.sha256, /^[0-9a-f]{64}$/);
  assert.equal(one.source, source);
  const other = await prepareAgent({ source: `${source} `, file: "counter.ts" });
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
  const definition = (await worthOf(source, "/somewhere/counter.ts")) as { on: { append(): void } };
  assert.throws(
    () => definition.on.append(),
    (error: Error) => /counter\.ts:7:13/.test(String(error.stack)),
  );
});

test("the language's names are parameters, so that none is looked up by the compartment", async () => {
  const { expression } = await prepareAgent({ source: "export default Math.max(1, undefined)" });
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
  assert.deepEqual(await worthOf(source, "agent.js"), await exported(source));
});

test("a class expression's name, arguments, labels and static blocks are no free variables", async () => {
  const source = `
    const A = class B { static make() { return new B() } };
    function count() { return arguments.length }
    class C { static { var hidden = 1; C.value = hidden } meta() { return new.target } }
    outer: for (const x of [1, 2]) { for (;;) continue outer }
    const { a = 1, ...rest } = { b: 2 };
    try { throw 1 } catch ({ name = "n" }) { var last = name }
    export default [A.make() instanceof A, count(1, 2), C.value, a, rest, last];
  `;
  assert.deepEqual(await worthOf(source), [true, 2, 1, 1, { b: 2 }, "n"]);
});

test("a handler is prepared from an expression, or from a module that exports one", async () => {
  for (const source of [
    "(ctx, by: number) => by + 1",
    "async function (ctx, by) { return by + 1 }",
    "function named(ctx, by) { return by + 1 }",
    "export default (ctx, by) => by + step; const step = 1;",
    "const step = 1;\nexport default function (ctx: unknown, by: number) { return by + step }",
  ]) {
    const { expression } = await prepareHandler(source, "counter.append");
    const handler = evaluated(expression) as (ctx: unknown, by: number) => unknown;
    assert.equal(await handler(undefined, 4), 5, source);
  }
});

interface Refusal {
  readonly what: string;
  readonly source: string;
  readonly code: string;
  readonly line: number;
  readonly column: number;
  readonly says?: RegExp;
}

const refused: readonly Refusal[] = [
  {
    what: "TypeScript with an error",
    source: "let a = 1;\nlet b: = 2;",
    code: "code-syntax",
    line: 2,
    column: 8,
  },
  {
    what: "an enum",
    source: "\n enum A { x }",
    code: "code-syntax",
    line: 2,
    column: 2,
    says: /enum/,
  },
  { what: "with", source: "with (Math) {}", code: "code-syntax", line: 1, column: 1 },
  {
    what: "two default exports",
    source: "export default 1;\nexport default 2",
    code: "code-syntax",
    line: 2,
    column: 8,
  },
  {
    what: "an import",
    source: `\nimport fs from "node:fs";`,
    code: "code-import",
    line: 2,
    column: 1,
    says: /"node:fs"/,
  },
  {
    what: "an import of more than defineAgent",
    source: `import { defineAgent, connect } from "meander";`,
    code: "code-import",
    line: 1,
    column: 23,
    says: /import type/,
  },
  {
    what: "an import of everything",
    source: `import * as all from "meander";`,
    code: "code-import",
    line: 1,
    column: 8,
  },
  {
    what: "a dynamic import",
    source: `export default () =>\n  import("x")`,
    code: "code-import",
    line: 2,
    column: 3,
  },
  {
    what: "import.meta",
    source: "export default import.meta.url",
    code: "code-import",
    line: 1,
    column: 16,
  },
  {
    what: "a top-level await",
    source: "const a = 1;\n  await a;\nexport default a",
    code: "code-import",
    line: 2,
    column: 3,
  },
  {
    what: "a top-level for await",
    source: "for await (const a of []) {}\nexport default 1",
    code: "code-import",
    line: 1,
    column: 1,
  },
  {
    what: "a named export",
    source: "export default 1;\nexport const a = 1;",
    code: "code-export",
    line: 2,
    column: 1,
    says: /remove `export`/,
  },
  { what: "a re-export", source: `export * from "x"`, code: "code-export", line: 1, column: 1 },
  {
    what: "no default export",
    source: "const a = 1;",
    code: "code-export",
    line: 1,
    column: 1,
    says: /export default defineAgent/,
  },
  { what: "nothing", source: "", code: "code-export", line: 1, column: 1 },
  {
    what: "a captured variable",
    source: "export default {\n  on: { append: (ctx: any) => ctx.log(step) },\n}",
    code: "code-free-variable",
    line: 2,
    column: 39,
    says: /"step".*a handler sees only its arguments; put data into the briefcase/,
  },
  {
    what: "an assignment to nobody's variable",
    source: "export default () => { n = 1 }",
    code: "code-free-variable",
    line: 1,
    column: 24,
    says: /"n"/,
  },
  {
    what: "a function of the outside",
    source: "export default () => setTimeout(() => {}, 1)",
    code: "code-free-variable",
    line: 1,
    column: 22,
    says: /ctx\.timer/,
  },
  {
    what: "arguments of no function",
    source: "export default () => arguments",
    code: "code-free-variable",
    line: 1,
    column: 22,
  },
  {
    what: "a class expression's name outside it",
    source: "const A = class B {};\nexport default B",
    code: "code-free-variable",
    line: 2,
    column: 16,
  },
  {
    what: "eval",
    source: "export default () => eval('1')",
    code: "code-forbidden",
    line: 1,
    column: 22,
    says: /eval/,
  },
  {
    what: "Function",
    source: "export default new Function('1')",
    code: "code-forbidden",
    line: 1,
    column: 20,
    says: /Function/,
  },
  {
    what: "an import in a tagged template",
    source: "export default String.raw`import('x')`",
    code: "code-forbidden",
    line: 1,
    column: 27,
  },
];

for (const { what, source, code, line, column, says } of refused) {
  test(`${what} is refused with its line, a caret, and what to do`, async () => {
    await assert.rejects(prepareAgent({ source, file: "counter.ts" }), (error: CodeError) => {
      assert.ok(error instanceof CodeError, String(error));
      assert.equal(error.code, code);
      assert.deepEqual(error.place, { file: "counter.ts", line, column });
      assert.equal(error.where, `counter.ts:${line}:${column}`);
      const [text = "", caret] = error.picture.split("\n");
      assert.equal(text, `  ${source.split("\n")[line - 1]}`);
      assert.equal(caret, `${" ".repeat(column + 1)}^`);
      assert.match(error.message, says ?? /./);
      return true;
    });
  });
}

test("a handler's faults are at the columns of its own text", async () => {
  await assert.rejects(prepareHandler("(ctx) => step", "counter.append"), {
    code: "code-free-variable",
    where: "counter.append:1:10",
  });
  await assert.rejects(prepareHandler("(ctx) =>\n  )", "h"), {
    code: "code-syntax",
    where: "h:2:3",
  });
  await assert.rejects(prepareHandler("const a = 1", "h"), { code: "code-export", where: "h:1:1" });
  await assert.rejects(prepareHandler("export default a +", "h"), { code: "code-syntax" });
});

test("a long line is shown around the place", async () => {
  const source = `export default [${"1, ".repeat(100)}step]`;
  await assert.rejects(prepareAgent({ source, file: "a.ts" }), (error: CodeError) => {
    const [text = "", caret = ""] = error.picture.split("\n");
    assert.ok(text.length < 130);
    assert.equal(text.slice(caret.length - 1, caret.length + 3), "step");
    return true;
  });
});

test("code that is too large, or nested too deeply, is refused; the next is read as ever", async () => {
  const large = `export default "${"x".repeat(LIMITS.agentCodeBytesMax)}"`;
  await assert.rejects(prepareAgent({ source: large }), { code: "code-too-large" });
  for (const [open, close] of [
    ["(", ")"],
    ["[", "]"],
    ["{", "}"],
    ["!", ""],
    ["1+", ""],
    ["a=>", ""],
  ] as const) {
    for (const depth of [1_000, 50_000]) {
      const source = `export default ${open.repeat(depth)}1${close.repeat(depth)}`;
      await prepareAgent({ source }).catch((error: MeanderError) => {
        assert.equal(error.code, "code-syntax", String(error));
      });
    }
  }
  assert.equal(await worthOf("export default (1 as number) + 1"), 2);
});

const PROGRAMS = [
  'import { defineAgent } from "meander";\nexport default defineAgent({ on: { append(ctx: any, m) { return [`a`, m] } } });',
  "export default async (ctx, { by = 1, ...rest }) => { for (const x of [by]) await ctx.log(x, rest, /a[/]b/g) }",
  "/* one */ class A { static #x = 1; static get(): number { return A.#x } } // two\nexport default A.get()",
  "// No loop: damaged, it might never end.\nlet n = 5; const is = n-->0;\nexport default { n, eval() {}, import() {} }",
  "export default function f(a, b = arguments.length) { label: { switch (a) { case 1: break label } } return f }",
] as const;

test("any text gives code that a compartment takes, or a MeanderError", async () => {
  const pieces = fc.oneof(
    fc.constantFrom(
      ...'export default|import|from|"meander"|(|)|{|}|[|]|=>|async|await|function|class|eval(|`|${|\'|"|/|*/|/*|//|<!--|-->|\n|;|,|:|.|...|=|a|b|Math|undefined|arguments|this|type|interface|as|enum|static|#x|@|\\|\u2028|é|0|1n|?.|get|set|yield|new|let|const| |\n|/* import( */|/* --> */|// <!-- eval(\n'.split(
        "|",
      ),
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
  );
  const soup = fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(" "));
  // Programs with something put in or cut out.
  const damaged = fc
    .tuple(fc.constantFrom(...PROGRAMS), fc.nat(), pieces, fc.constantFrom(0, 0, 0, 1, 3))
    .map(([program, place, piece, cut]) => {
      const at = place % program.length;
      return program.slice(0, at) + piece + program.slice(at + cut);
    });
  const sources = fc.oneof(
    soup,
    soup.map((text) => `export default ${text}`),
    damaged,
    damaged,
  );
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(sources, fc.boolean(), async (source, isHandler) => {
      try {
        const { expression } = await (isHandler
          ? prepareHandler(source, "x")
          : prepareAgent({ source }));
        accepted++;
        try {
          evaluated(expression);
        } catch (error) {
          // It may throw, but not for what it is made of.
          assert.doesNotMatch(String(error), /SES_|SyntaxError/, expression);
        }
      } catch (error) {
        assert.ok(error instanceof MeanderError, `${String(error)} of ${JSON.stringify(source)}`);
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(accepted > 100, `only ${accepted} were code`);
});

test("any program does the same as before", async () => {
  const odd = fc
    .array(
      fc.constantFrom(
        "import(",
        "import (",
        "eval(",
        "<!--",
        "-->",
        "--",
        ">",
        "<",
        "!",
        "a",
        " ",
        "\\\\",
        "\\n",
        "$",
        ".",
        "é",
        "//",
        "/*",
        "*/",
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(""));
  const value = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      odd.map((text) => `"${text}"`),
      odd.map((text) => `'${text}'`),
      odd.map((text) => `\`${text}\``),
      odd.map(
        (text) => `new RegExp(${JSON.stringify(text.replaceAll(/[^a-z!<>-]/g, ""))}).test(x)`,
      ),
      odd.map((text) => `/x${text.replaceAll(/[^a-zé !<>-]/g, "")}/.test(x)`),
      fc.constantFrom(
        "x",
        "1",
        "n-->0",
        "n-- > 0",
        "names.import(2)",
        "names . eval (3)",
        "{ import: 1 }.import",
      ),
      fc
        .tuple(tie("expression"), tie("expression"))
        .map(([a, b]) => `[${a}, /* --> import( */ ${b}]`),
      tie("expression").map((a) => `((y) => y)(${a}) // eval(\n`),
      tie("expression").map((a) => `\`<\${${a}}!-->\``),
      tie("expression").map((a) => `String(${a})`),
    ),
  })).expression;
  const programs = fc.array(value, { minLength: 1, maxLength: 4 }).map(
    (
      values,
    ) => `let n = 5; const x = "xa<!--"; const names = { import(y) { return y }, eval(y) { return -y } };
const results = [];
${values.map((each) => `results.push(${each.startsWith("{") ? `(${each.replace("}.", "}).")}` : each});`).join("\n")}
export default [results, n];`,
  );
  await fc.assert(
    fc.asyncProperty(programs, async (source) => {
      assert.deepEqual(await worthOf(source, "agent.js"), await exported(source));
    }),
    { numRuns: 400 },
  );
});
