import type { Attempt, Ending } from "./attempt.ts";

/** Values that answer differently each time they are read: what arrives is one answer, whole, or a refusal. */
const CHANGING: Readonly<Record<string, string>> = {
  "getter-text-then-bytes": `{ get v() { return n++ === 0 ? "text" : new Uint8Array(4); } }`,
  "getter-number-then-function": `{ get v() { return n++ === 0 ? 1 : () => {}; } }`,
  "getter-object-then-symbol": `{ get v() { return n++ === 0 ? { a: 1 } : Symbol("x"); } }`,
  "getter-that-grows": `{ get v() { return "x".repeat(1000 * ++n); } }`,
  "getter-before-a-date": `{ get v() { return n++; }, when: new Date(0) }`,
  "getter-before-a-map": `{ get v() { return n++; }, map: new Map([[1, 2]]) }`,
  "getter-in-a-map": `new Map([["v", { get v() { return n++; } }]])`,
  "getter-in-a-set": `new Set([{ get v() { return n++; } }])`,
  "getter-that-deletes-itself": `{ get v() { delete this.v; return n++; }, w: 1 }`,
  "getter-that-adds-keys": `{ get v() { this["k" + n++] = 1; return n; } }`,
  "getter-that-packs": `{ get v() { ctx.timer(1e6, { other: n++ }); return { inner: [n] }; }, w: "after" }`,
  "getter-that-throws-late": `{ a: [1, 2, { get v() { if (n++ > 0) throw new Error("late"); return 1; } }] }`,
  "proxy-with-other-keys": `new Proxy({}, { ownKeys: () => ["k" + n++], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: () => n })`,
  "proxy-with-other-prototype": `new Proxy({ a: 1 }, { getPrototypeOf: () => (n++ === 0 ? Object.prototype : Map.prototype) })`,
  "proxy-of-a-map": `new Proxy(new Map([[1, 2]]), {})`,
  "proxy-of-a-date": `new Proxy(new Date(0), {})`,
  "proxy-of-bytes": `new Proxy(new Uint8Array(10), { get: (target, key) => (key === "byteLength" ? 6000 : Reflect.get(target, key)) })`,
  "proxy-of-an-error": `new Proxy(new Error("x"), { get: (target, key) => (n++ % 2 === 0 ? "text" : {}) })`,
  "array-that-shrinks": `(() => { const a = [{ get v() { a.length = 1; return n++; } }, 1, 2, 3]; return a; })()`,
  "array-that-grows": `(() => { const a = [{ get v() { for (let i = 0; i < 100; i++) a.push(i); return n++; } }]; return a; })()`,
  "constructor-that-lies": `Object.defineProperty({ a: 1 }, "constructor", { get: () => [Map, Set, Date, Uint8Array, Error][n++ % 5] })`,
  "tag-that-lies": `Object.defineProperty(new (class {})(), Symbol.toStringTag, { get: () => (n++ === 0 ? "Object" : "Map") })`,
  "json-that-differs": `new (class { toJSON() { return { n: n++ }; } })()`,
  "date-that-lies": `Object.assign(new Date(0), { getTime: () => n++, getMilliseconds: () => 1e9 })`,
  "pattern-that-lies": `Object.defineProperties(/a/g, { source: { get: () => "(" }, flags: { get: () => "zz" }, global: { get: () => n++ % 2 === 0 } })`,
  "error-that-lies": `Object.defineProperties(new Error("x"), { name: { get: () => (n++ === 0 ? "TypeError" : {}) }, message: { get: () => ({ toString: () => "m" + n }) } })`,
  "species-that-lies": `(() => { class A extends Array { static get [Symbol.species]() { throw n++; } } return A.from([1, 2]); })()`,
  "key-with-own-text": `new Map([[{ toString() { n++; throw new Error("never asked"); } }, () => {}]])`,
};

/** The counter of looks; one look makes 1 of it. */
const LOOKS_MAX: Readonly<Record<string, number>> = {
  "getter-that-packs": 2,
  "proxy-with-other-keys": 1_000,
  "proxy-of-an-error": 1_000,
  "constructor-that-lies": 0,
  "tag-that-lies": 1,
  "date-that-lies": 0,
  "pattern-that-lies": 0,
  "key-with-own-text": 0,
};

export const values: readonly Attempt[] = Object.entries(CHANGING).map(([name, value]) => ({
  name: `values/${name}`,
  kind: "values",
  messages: ["send", "looks", "plain"],
  before: "let n = 0;",
  on: `append: (ctx, m) => {
    if (m === "looks") return n;
    if (m === "plain") return { plain: [1, "two", new Map([[3, 4]])] };
    n = 0;
    return ${value.startsWith("{") ? `(${value})` : value};
  }`,
  reached: (endings: readonly Ending[]) => {
    const [, looks, plain] = endings;
    const found: string[] = [];
    const count = looks?.type === "reply" ? Number(looks.reply) : Number.NaN;
    if (!(count <= (LOOKS_MAX[name] ?? 1))) found.push(`it was looked at ${count} times`);
    const after = JSON.stringify(plain, (_, each) => (each instanceof Map ? [...each] : each));
    if (!after.includes('"plain":[1,"two",[[3,4]]]')) found.push(`the next value is ${after}`);
    return found;
  },
}));
