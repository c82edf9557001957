import { type Attempt, expressions } from "./attempt.ts";

/** Changes of what agents share. Each gives something only if it can be seen afterwards. */
const changes = expressions("mutate", {
  "object-prototype": `(Object.prototype.leak = 1, ({}).leak)`,
  "object-prototype-by-proto": `(({}).__proto__.leak = 1, ({}).leak)`,
  "object-prototype-defined": `(Object.defineProperty(Object.prototype, "leak", { value: 1 }), ({}).leak)`,
  "prototype-of-object-prototype": `(Object.setPrototypeOf(Object.prototype, { leak: 1 }), ({}).leak)`,
  "array-prototype": `(Array.prototype.push = () => "mine", [].push(1) === "mine")`,
  "function-behind-accessor-has-own": `(Object.prototype.hasOwnProperty.leak = 1, Object.prototype.hasOwnProperty.leak)`,
  "function-behind-accessor-to-string": `(Object.defineProperty(Object.prototype.toString, "call", { value: () => "mine" }), Object.prototype.toString.call({}) === "mine")`,
  "function-behind-accessor-value-of": `(Object.prototype.valueOf.leak = 1, Object.prototype.valueOf.leak)`,
  "function-behind-accessor-is-prototype-of": `(Object.prototype.isPrototypeOf.leak = 1, Object.prototype.isPrototypeOf.leak)`,
  "function-behind-accessor-is-enumerable": `(Object.prototype.propertyIsEnumerable.leak = 1, Object.prototype.propertyIsEnumerable.leak)`,
  "function-behind-accessor-locale": `(Object.prototype.toLocaleString.leak = 1, Object.prototype.toLocaleString.leak)`,
  "function-behind-accessor-of-error": `(Error.prototype.toString.leak = 1, Error.prototype.toString.leak)`,
  "all-functions-behind-accessors": `[Object, Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError, Object.getPrototypeOf(() => {}).constructor, Promise, Array, Symbol, Map, Set, Date, RegExp].filter(Boolean).flatMap(({ prototype }) => prototype ? Reflect.ownKeys(prototype).map((key) => { try { return prototype[key]; } catch {} }) : []).find((value) => typeof value === "function" && Object.isExtensible(value))?.name`,
  "accessor-functions": `Reflect.ownKeys(Object.prototype).flatMap((key) => { const { get, set } = Object.getOwnPropertyDescriptor(Object.prototype, key); return [get, set]; }).find((value) => typeof value === "function" && Object.isExtensible(value))?.name`,
  "setter-of-accessor-on-prototype": `(Object.getOwnPropertyDescriptor(Object.prototype, "toString")?.set?.call(Array.prototype, () => "mine"), String([]) === "mine")`,
  "setter-of-accessor-on-math": `(Object.getOwnPropertyDescriptor(Object.prototype, "toString")?.set?.call(Math, () => "mine"), Object.hasOwn(Math, "toString"))`,
  "promise-then": `(Promise.prototype.then = () => "mine", Promise.resolve().then() === "mine")`,
  "promise-species": `(Object.defineProperty(Promise, Symbol.species, { value: Array }), Promise[Symbol.species] === Array)`,
  "array-iterator": `(Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true, value: "mine" }), [...[1]].length === 0)`,
  "async-generator-prototype": `(Object.getPrototypeOf(async function* () {}).leak = 1, Object.getPrototypeOf(async function* () {}).leak)`,
  "json-parse": `(JSON.parse = () => "mine", JSON.parse("1") === "mine")`,
  "math-floor": `(Math.floor = () => "mine", Math.floor(1) === "mine")`,
  "date-now": `(Date.now = () => "mine", Date.now() === "mine")`,
  "console-log": `(console.log = () => "mine", console.log() === "mine")`,
  "method-of-console": `(console.log.leak = 1, console.log.leak)`,
  "method-of-context": `(Object.getPrototypeOf(ctx).open = () => "mine", ctx.open() === "mine")`,
  "method-of-context-marked": `(ctx.open.leak = 1, ctx.open.leak)`,
  "prototype-of-context": `(Object.getPrototypeOf(ctx).leak = 1, ctx.leak)`,
  "context-itself": `(ctx.leak = 1, ctx.leak)`,
  "message-of-host": `(ctx.message.id = "mine", ctx.message.id === "mine")`,
  "method-of-stream": `(Object.getPrototypeOf(ctx.open("x")).append = () => "mine", ctx.open("x").append() === "mine")`,
  "method-of-agent": `(Object.getPrototypeOf(ctx.open("x").agent("y")).detach = () => "mine", ctx.open("x").agent("y").detach() === "mine")`,
  "buffered-answer": `ctx.open(ctx.stream).append("later").then((answer) => (answer.leak = 1, answer.leak))`,
  "text-decoder-class": `(TextDecoder.prototype.decode = () => "mine", new TextDecoder().decode() === "mine")`,
  "text-encoder-class": `(TextEncoder.leak = 1, TextEncoder.leak)`,
  "symbol-iterator": `(Symbol.leak = 1, Symbol.leak)`,
  "regexp-statics": `(/(secret)/.exec("secret"), RegExp.$1 || RegExp.lastMatch)`,
  "error-static": `(Error.leak = 1, Error.leak)`,
  "function-prototype": `(Object.getPrototypeOf(() => {}).leak = 1, (() => {}).leak)`,
  "throw-type-error": `(() => { const f = Object.getOwnPropertyDescriptor((function () { return arguments; })(), "callee").get; f.leak = 1; return f.leak; })()`,
});

/** One agent leaves something, and another one of its owner looks for it. */
const between: Attempt = {
  name: "mutate/seen-by-later-code",
  kind: "mutate",
  before: `globalThis.JSON = { stringify: () => "spied" }; globalThis.Object = { keys: () => ["spied"] };`,
  messages: [0, 1],
  on: `append: async (ctx, m) => {
    if (m === 1) return ctx.local.got ?? [];
    await ctx.open(ctx.stream).agent("a").replaceHandler("append", '(ctx, m) => JSON.stringify({ m }) === "spied" ? ["spied"] : []');
    return [];
  }`,
};

export const mutate: readonly Attempt[] = [...changes, between];
