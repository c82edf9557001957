import { REACHABLE_ON } from "../../src/agent/executors/reachable.test.support.ts";
import { type Attempt, type Ending, expressions } from "./attempt.ts";

/** Ways to something outside of the compartment. Each gives something only if it got there. */
const outside = expressions("reach", {
  "constructor-of-context": `ctx.constructor.constructor("return process")()`,
  "constructor-of-prototype": `Object.getPrototypeOf(ctx).constructor.constructor("return this")()?.process`,
  "class-of-context": `Object.hasOwn(Object.getPrototypeOf(ctx), "constructor")`,
  "class-of-stream": `Object.hasOwn(Object.getPrototypeOf(ctx.open("x")), "constructor")`,
  "class-of-agent": `Object.hasOwn(Object.getPrototypeOf(ctx.open("x").agent("y")), "constructor")`,
  "class-of-group": `Object.hasOwn(Object.getPrototypeOf(ctx.group(["x"])), "constructor")`,
  "context-made-by-hand": `(() => { const C = ctx.constructor; return C !== Object && new C({ check() {}, world: {} }, {}, {}); })()`,
  "method-of-context-on-another": `Object.getPrototypeOf(ctx).open.call({ __proto__: Object.getPrototypeOf(ctx) }, "x")`,
  "getter-of-context-on-another": `Object.getOwnPropertyDescriptor(Object.getPrototypeOf(ctx), "stream").get.call(Object.create(ctx))`,
  "async-function": `(async () => {}).constructor("return process")()`,
  generator: `(function* () {}).constructor("return process")().next().value`,
  "async-generator": `(async function* () {}).constructor("yield process")().next()`,
  "generator-prototype": `Object.getPrototypeOf(function* () {}).constructor("yield process")().next().value`,
  "bound-function": `(() => {}).bind().constructor("return process")()`,
  class: `(class {}).constructor("return process")()`,
  "proxy-of-function": `new Proxy(function () {}, {}).constructor("return process")()`,
  "eval-by-name": `globalThis["ev" + "al"]("process")`,
  "eval-indirect": `(0, globalThis["ev" + "al"])("this.process")`,
  "function-by-name": `globalThis["Func" + "tion"]("return this")().process`,
  "function-that-breaks-out": `globalThis["Func" + "tion"]("}) ; return (function(){ return process", "")()`,
  "function-with-parameters": `globalThis["Func" + "tion"]("a = process", "return a")()`,
  "function-with-comment": `globalThis["Func" + "tion"]("/*", "*/){return process}//")()`,
  "import-in-eval": `globalThis["ev" + "al"]("im" + "port('node:fs')")`,
  "import-in-comment": `globalThis["Func" + "tion"]("return im" + "port/**/('node:fs')")()`,
  "import-meta": `globalThis["ev" + "al"]("import.meta")`,
  "construct-function": `Reflect.construct(globalThis["Func" + "tion"], ["return process"])()`,
  "names-of-host": `["process", "require", "module", "Buffer", "fetch", "WebAssembly", "SharedArrayBuffer", "Atomics", "setTimeout", "setImmediate", "queueMicrotask", "structuredClone", "Compartment", "lockdown", "WeakRef", "FinalizationRegistry", "Intl", "URL", "URLSearchParams", "performance", "global", "self", "window", "gc", "AbortController", "Worker", "crypto", "navigator", "Blob", "EventTarget", "MessageChannel"].filter((name) => globalThis[name] !== undefined).join() || undefined`,
  "compartment-by-constructor": `new (globalThis.constructor.Compartment ?? Object)().evaluate("process")`,
  "prepare-stack-trace": `(() => { Error.prepareStackTrace = (_, sites) => sites; const { stack } = new Error("x"); return Array.isArray(stack) && stack; })()`,
  "prepare-stack-trace-of-subclass": `(() => { class E extends Error { static prepareStackTrace(_, sites) { return sites; } } const { stack } = new E("x"); return Array.isArray(stack) && stack; })()`,
  "prepare-stack-trace-of-native": `(() => { TypeError.prepareStackTrace = (_, sites) => sites; try { null.x; } catch (error) { return Array.isArray(error.stack) && error.stack; } })()`,
  "capture-stack-trace": `(() => { const o = {}; Error.captureStackTrace(o); return typeof o.stack === "object" && o.stack; })()`,
  "cause-of-error": `(() => { try { ctx.timer("x"); } catch (error) { return "cause" in error && error.cause; } })()`,
  "class-of-error": `(() => { try { ctx.timer("x"); } catch (error) { return Object.getPrototypeOf(error) !== Error.prototype; } })()`,
  "class-of-refusal": `ctx.open("no-such-stream").move("nowhere").catch((error) => Object.getPrototypeOf(error) !== Error.prototype)`,
  "class-of-late-refusal": `ctx.open(ctx.stream).agent("a").replaceHandler(() => {}, null).catch((error) => Object.getPrototypeOf(error) !== Error.prototype)`,
  "class-of-definition-error": `(async () => ctx.open("x").registerAgent({ on: { append: "no" } }))().catch((error) => Object.getPrototypeOf(error) !== Error.prototype)`,
  "class-of-value-error": `(() => { try { ctx.open("x").append(() => {}); } catch (error) { return Object.getPrototypeOf(error) !== Error.prototype; } })()`,
  "path-of-host-in-refusal": `ctx.open("no-such-stream").move("nowhere").catch(({ stack }) => /node_modules|file:\\/\\/|\\/dist\\//.test(stack) && stack)`,
  "class-of-promise": `Object.getPrototypeOf(ctx.open("x").append(1)) !== Promise.prototype`,
  "class-of-answer": `ctx.group([]).append(1).then((map) => Object.getPrototypeOf(map) !== Map.prototype)`,
  "error-of-text-decoder": `(() => { try { new TextDecoder("nope"); } catch (error) { return Object.getPrototypeOf(error) !== RangeError.prototype || Reflect.ownKeys(error).find((key) => !["stack", "message"].includes(key)); } })()`,
  "error-of-decoding": `(() => { try { new TextDecoder().decode("text"); } catch (error) { return Object.getPrototypeOf(error) !== TypeError.prototype || Reflect.ownKeys(error).find((key) => !["stack", "message"].includes(key)); } })()`,
  "slots-of-text-decoder": `Reflect.ownKeys(new TextDecoder("utf-16le")).map(String).join() || undefined`,
  "slots-of-text-encoder": `Reflect.ownKeys(new TextEncoder()).map(String).join() || undefined`,
  "species-of-promise": `(() => { class P extends Promise { static get [Symbol.species]() { return P; } } const made = ctx.open("other").append(1); return made instanceof P; })()`,
  "then-of-host": `(() => { let got; const spied = { then(resolve) { got = resolve; } }; Promise.resolve(spied); return got?.constructor?.("return process")?.(); })()`,
  "caller-of-handler": `(() => { function f() { return f.caller; } return f(); })()`,
  "arguments-callee": `(function () { return arguments.callee; })()`,
  "symbol-registry": `Reflect.ownKeys(globalThis).filter((key) => typeof key === "symbol").map((key) => globalThis[key]).find((value) => typeof value === "function" && /native code/.test(value) === false)`,
});

/** Names and texts that the reader of values once looked up in tables of its own. */
const throughValues: Attempt[] = ["valueOf", "constructor", "toString", "__proto__"].map(
  (name) => ({
    name: `reach/table-behind-error-named-${name}`,
    kind: "reach",
    messages: [0, 1],
    on: `append: async (ctx, m) => {
    if (m === 0) {
      const error = new Error("Error");
      Object.defineProperty(error, "name", { value: ${JSON.stringify(name)} });
      ctx.local.sent = true;
      await ctx.open(ctx.stream).append({ error }).catch(() => {});
      return [];
    }
    if (m === 1) return ctx.local.got ?? [];
    const { error } = m;
    ctx.local.got = error instanceof Error && Object.getPrototypeOf(error) === Error.prototype ? [] : [Object.prototype.toString.call(error) + Reflect.ownKeys(Object(error)).map(String)];
  }`,
  }),
);

const walk: Attempt = {
  name: "reach/walk",
  kind: "reach",
  limits: { handlerMs: 20_000 },
  on: REACHABLE_ON,
  reached: (endings: readonly Ending[]) => {
    const [ending] = endings;
    if (ending?.type !== "reply") return [`the walk failed: ${JSON.stringify(ending)}`];
    const { mutable, forbidden, count } = ending.reply as {
      mutable: string[];
      forbidden: string[];
      count: number;
    };
    return count < 500 ? [`the walk saw only ${count} objects`] : [...mutable, ...forbidden];
  },
};

export const reach: readonly Attempt[] = [...outside, ...throughValues, walk];
