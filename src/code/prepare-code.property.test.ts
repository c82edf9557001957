import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeanderError } from "../base/index.ts";
import { lockDown } from "./lockdown.ts";
import { prepareCode } from "./prepare-code.ts";
import { evaluated, exported, preparedValue } from "./prepared-value.test.support.ts";

lockDown();

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
          ? prepareCode("handler", { source, file: "x" })
          : prepareCode("agent", { source }));
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
      assert.deepEqual(await preparedValue(source, "agent.js"), await exported(source));
    }),
    { numRuns: 400 },
  );
});
