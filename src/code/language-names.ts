import { freeVariables } from "./free-variables.ts";
import type { ParsedModule } from "./parse-module.ts";

/** What code in a compartment may use besides its own names: the language. `Date` and `console` are those of the site. */
export const LANGUAGE_NAMES: ReadonlySet<string> = new Set([
  "AggregateError",
  "Array",
  "ArrayBuffer",
  "BigInt",
  "BigInt64Array",
  "BigUint64Array",
  "Boolean",
  "DataView",
  "Date",
  "Error",
  "EvalError",
  "Infinity",
  "Int16Array",
  "Int32Array",
  "Int8Array",
  "JSON",
  "Map",
  "Math",
  "NaN",
  "Number",
  "Object",
  "Promise",
  "Proxy",
  "RangeError",
  "ReferenceError",
  "Reflect",
  "RegExp",
  "Set",
  "String",
  "Symbol",
  "SyntaxError",
  "TextDecoder",
  "TextEncoder",
  "TypeError",
  "URIError",
  "Uint16Array",
  "Uint32Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "WeakMap",
  "WeakSet",
  "console",
  "decodeURI",
  "decodeURIComponent",
  "encodeURI",
  "encodeURIComponent",
  "escape",
  "globalThis",
  "isFinite",
  "isNaN",
  "parseFloat",
  "parseInt",
  "undefined",
  "unescape",
]);

/** What evaluates text, which nobody could have checked. */
const EVALUATORS = new Set(["eval", "Function"]);

/** What people miss most, and what there is instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  setTimeout: "ctx.timer(delayMs, value) calls the `timer` handler",
  setInterval: "ctx.timer(delayMs, value) calls the `timer` handler, which can set it again",
  performance: "ctx.now() is the time",
  crypto: "ctx.random() draws a number",
  arguments: "name the parameters",
};

/**
 * The names of the language that a module uses, in the order of their first uses.
 *
 * @throws {CodeError} `code-free-variable` for names that are neither its own nor the language's; `code-forbidden` for `eval` and `Function`
 */
export function languageNames(module: ParsedModule): string[] {
  const free = freeVariables(module.program);
  for (const { name, offset } of free) {
    if (EVALUATORS.has(name)) {
      throw module.fault("code-forbidden", `an agent cannot use ${name}`, offset, {
        next: "write the code into the agent, or replace its handlers",
      });
    }
    if (LANGUAGE_NAMES.has(name)) continue;
    throw module.fault(
      "code-free-variable",
      `no agent knows the name ${JSON.stringify(name)}`,
      offset,
      {
        next:
          (Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined) ??
          "a handler sees only its arguments; put data into the briefcase",
      },
    );
  }
  return free.map(({ name }) => name);
}
