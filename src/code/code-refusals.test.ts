import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, type MeanderError } from "../base/index.ts";
import { CodeError } from "./code-error.ts";
import { lockDown } from "./lockdown.ts";
import { prepareCode } from "./prepare-code.ts";
import { preparedValue } from "./prepared-value.test.support.ts";

lockDown();

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
    what: "an assignment to an undeclared variable",
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
    await assert.rejects(
      prepareCode("agent", { source, file: "counter.ts" }),
      (error: CodeError) => {
        assert.ok(error instanceof CodeError, String(error));
        assert.equal(error.code, code);
        assert.deepEqual(error.place, { file: "counter.ts", line, column });
        assert.equal(error.where, `counter.ts:${line}:${column}`);
        const [text = "", caret] = error.picture.split("\n");
        assert.equal(text, `  ${source.split("\n")[line - 1]}`);
        assert.equal(caret, `${" ".repeat(column + 1)}^`);
        assert.match(error.message, says ?? /./);
        return true;
      },
    );
  });
}

test("a handler's faults are at the columns of its own text", async () => {
  await assert.rejects(
    prepareCode("handler", { source: "(ctx) => step", file: "counter.append" }),
    {
      code: "code-free-variable",
      where: "counter.append:1:10",
    },
  );
  await assert.rejects(prepareCode("handler", { source: "(ctx) =>\n  )", file: "h" }), {
    code: "code-syntax",
    where: "h:2:3",
  });
  await assert.rejects(prepareCode("handler", { source: "const a = 1", file: "h" }), {
    code: "code-export",
    where: "h:1:1",
  });
  await assert.rejects(prepareCode("handler", { source: "export default a +", file: "h" }), {
    code: "code-syntax",
  });
});

test("a refusal names the kind of code, and suggests what that kind can do", async () => {
  const source = "export default () => eval('1')";
  await assert.rejects(prepareCode("agent", { source }), {
    message: /^agent:1:22: an agent cannot use eval/,
  });
  await assert.rejects(prepareCode("handler", { source }), {
    message: /^handler:1:22: a handler cannot use eval/,
  });
  await assert.rejects(prepareCode("agent", { source: "1" }), { message: /defineAgent/ });
  await assert.rejects(prepareCode("handler", { source: "const a = 1" }), {
    message: /a function/,
  });
});

test("a long line is shown around the place", async () => {
  const source = `export default [${"1, ".repeat(100)}step]`;
  await assert.rejects(prepareCode("agent", { source, file: "a.ts" }), (error: CodeError) => {
    const [text = "", caret = ""] = error.picture.split("\n");
    assert.ok(text.length < 130);
    assert.equal(text.slice(caret.length - 1, caret.length + 3), "step");
    return true;
  });
});

test("code that is too large, or nested too deeply, is refused; the next is read as usual", async () => {
  const large = `export default "${"x".repeat(LIMITS.agentCodeBytesMax)}"`;
  await assert.rejects(prepareCode("agent", { source: large }), { code: "code-too-large" });
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
      await prepareCode("agent", { source }).catch((error: MeanderError) => {
        assert.equal(error.code, "code-syntax", String(error));
      });
    }
  }
  assert.equal(await preparedValue("export default (1 as number) + 1"), 2);
});
