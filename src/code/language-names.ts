import { freeVariables } from "./free-variables.ts";
import type { ParsedModule } from "./parse-module.ts";

/** Names that code in a compartment may use besides its own: the language. `Date` and `console` are the site's. */
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

/** They evaluate text, which cannot be checked in advance. */
const EVALUATORS = new Set(["eval", "Function"]);

/**
 * The names of the language that a module uses, in the order of first use.
 *
 * @throws {CodeError} `code-free-variable` for names that are neither its own nor the language's, `code-forbidden` for
 *   `eval` and `Function`
 */
export function languageNames(module: ParsedModule): string[] {
  const { noun, advice } = module.kind;
  const free = freeVariables(module.program);
  for (const { name, offset } of free) {
    if (EVALUATORS.has(name)) {
      throw module.fault("code-forbidden", `${noun} cannot use ${name}`, offset, {
        next: advice.evaluate,
      });
    }
    if (LANGUAGE_NAMES.has(name)) continue;
    throw module.fault("code-free-variable", `${JSON.stringify(name)} is not defined`, offset, {
      next:
        (Object.hasOwn(advice.names, name) ? advice.names[name] : undefined) ?? advice.unknownName,
    });
  }
  return free.map(({ name }) => name);
}
