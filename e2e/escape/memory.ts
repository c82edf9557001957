import type { Attempt } from "./attempt.ts";

/** How long another owner's append may take while memory is filled, ms. */
const OTHERS_MS = 500;

/** Memory by everything that can grow. */
const GROWING: Readonly<Record<string, string>> = {
  "one-array": `return new Array(5e7).fill(1.1).length;`,
  "one-larger-array": `return new Array(1e9).fill(0).length;`,
  "array-from": `return Array.from({ length: 1e8 }, (_, i) => i).length;`,
  "array-that-grows": `const a = []; for (;;) a.push({ a: a.length });`,
  "array-of-doubles": `const a = []; for (;;) a.push(a.length + 0.5);`,
  "array-joined": `const a = new Array(2 ** 27); return a.join("xxxxxxxx").length;`,
  "array-concatenated": `let a = new Array(2 ** 20).fill(0.5); for (;;) a = a.concat(a);`,
  "array-flattened": `let a = [0.5]; for (let i = 0; i < 40; i++) a = [a, a]; return a.flat(Infinity).length;`,
  "array-spread": `const f = (...a) => a.length; return f(...new Array(2 ** 25));`,
  "apply-with-many": `return Math.max.apply(null, new Array(2 ** 26));`,
  text: `const a = []; for (let i = 0; ; i++) a.push(("x" + i).padEnd(2 ** 20, String(i)).split("").reverse().join(""));`,
  "text-doubled": `let s = "x".repeat(2 ** 20); const a = []; for (;;) { s = s + s; a.push(JSON.stringify(s)); }`,
  "text-replaced": `return "a".repeat(2 ** 24).replaceAll("a", "b".repeat(64)).length;`,
  "text-split": `return "ab".repeat(2 ** 26).split("").length;`,
  "text-escaped": `return escape("\\u1234".repeat(2 ** 26)).length;`,
  bigint: `let b = 2n; const a = []; for (;;) { b = b ** 2n; a.push(b); }`,
  "bigint-shifted": `const a = []; for (let i = 0n; ; i++) a.push(1n << (2n ** 29n));`,
  "bigint-text": `return String(1n << 300000000n).length;`,
  "pattern-with-groups": `return new RegExp("(a)".repeat(30000)).test("a".repeat(30000));`,
  "pattern-matches": `return [..."a".repeat(2 ** 26).matchAll(/a/g)].length;`,
  map: `const m = new Map(); for (let i = 0; ; i++) m.set(i, i);`,
  set: `const m = new Set(); for (let i = 0; ; i++) m.add("k" + i);`,
  "weak-map": `const m = new WeakMap(); const a = []; for (;;) { const k = {}; a.push(k); m.set(k, [k]); }`,
  "object-keys": `const o = {}; for (let i = 0; ; i++) o["key" + i] = i;`,
  "object-shapes": `const a = []; for (let i = 0; ; i++) { const o = {}; o["a" + i] = 1; o["b" + i] = 2; a.push(o); }`,
  json: `let s = "[0.5" + ",0.5".repeat(2 ** 24) + "]"; return JSON.parse(s).length;`,
  "json-text": `const a = []; for (;;) a.push(JSON.stringify(new Array(2 ** 20).fill(a.length)));`,
  "typed-array": `const a = []; for (;;) a.push(new Int32Array(2 ** 23).fill(1));`,
  "one-buffer": `return new ArrayBuffer(2 ** 32).byteLength;`,
  buffers: `const a = []; for (;;) { const b = new Uint8Array(2 ** 26); for (let i = 0; i < b.length; i += 4096) b[i] = 1; a.push(b); }`,
  "buffers-between-handlers": `const a = ctx.local.a ??= []; for (let i = 0; i < 30; i++) a.push(new Uint8Array(2 ** 26).fill(1)); return a.length;`,
  "resizable-buffer": `const b = new ArrayBuffer(8, { maxByteLength: 2 ** 32 }); b.resize(2 ** 31); return new Uint8Array(b).fill(1).length;`,
  "encoded-text": `const a = []; for (;;) a.push(new TextEncoder().encode("\\u1234".repeat(2 ** 24)));`,
  "decoded-text": `const a = []; const b = new Uint8Array(2 ** 26); for (;;) a.push(new TextDecoder("latin1").decode(b));`,
  proxies: `let p = {}; const a = []; for (;;) { p = new Proxy(p, {}); a.push(p); }`,
  "proxy-chain": `let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return "x" in p;`,
  generators: `const a = []; for (;;) { const g = (function* () { const b = new Array(100).fill(0.5); yield b; })(); g.next(); a.push(g); }`,
  closures: `const a = []; for (;;) { const big = new Array(1000).fill(a.length + 0.5); a.push(() => big); }`,
  "promise-chain": `let p = Promise.resolve(); for (;;) p = p.then(() => p);`,
  "promises-at-once": `const a = []; for (;;) a.push(new Promise(() => {}));`,
  classes: `const a = []; for (;;) a.push(class { static x = a.length; m() {} });`,
  "functions-of-text": `const a = []; for (let i = 0; ; i++) a.push(globalThis["Func" + "tion"]("return " + i + "/*" + "x".repeat(10000) + "*/"));`,
  symbols: `for (let i = 0; ; i++) Symbol.for("symbol" + i);`,
  errors: `const a = []; for (;;) a.push(new Error("x".repeat(1000)));`,
  "bound-functions": `let f = () => {}; const a = []; for (;;) { f = f.bind(null, a.length); a.push(f); }`,
  "dates-and-patterns": `const a = []; for (let i = 0; ; i++) a.push(new Date(i), new RegExp("a" + i));`,
  "deep-recursion": `const f = (n) => { const a = new Array(1000).fill(n); return f(n + 1) + a.length; }; return f(0);`,
  "recursion-in-what-is-native": `const f = () => [2, 1].sort(f); try { f(); } catch {} let a = []; for (let i = 0; i < 2e5; i++) a = [a]; return JSON.stringify(a).length;`,
  "answer-that-grows": `const v = {}; let at = v; for (let i = 0; i < 5e6; i++) v["k" + i] = [i, i]; return v;`,
  "effects-that-grow": `const s = ctx.open("other"); const b = new Uint8Array(2 ** 20 - 100); const a = []; for (;;) { a.push(b.slice().fill(1)); try { s.append(b); } catch {} }`,
};

/** Slots of the platform's objects with other values in them: an assertion that ends the process. */
const SLOTS: Readonly<Record<string, string>> = {
  "text-decoder": `const d = new TextDecoder("utf-16le"); for (const s of Reflect.ownKeys(d)) try { d[s] = 1; } catch {} return d.decode(new Uint8Array(4));`,
  "text-decoder-made-by-hand": `return Object.getPrototypeOf(new TextDecoder()).decode.call(Object.create(TextDecoder.prototype), new Uint8Array(4));`,
  "text-decoder-subclass": `class D extends TextDecoder { constructor() { super("utf-16le"); for (const s of Object.getOwnPropertySymbols(this)) this[s] = {}; } } return new D().decode(new Uint8Array(4));`,
  "text-encoder-into": `const u = Object.defineProperty(new Uint8Array(2), "byteLength", { value: 1e9 }); return new TextEncoder().encodeInto("x".repeat(100), u).written;`,
  "decoder-of-fake-bytes": `return new TextDecoder().decode(Object.create(Uint8Array.prototype, { byteLength: { value: 1e6 }, buffer: { value: {} } }));`,
  "typed-array-of-fake-buffer": `return new Uint8Array(Object.create(ArrayBuffer.prototype)).length;`,
  "array-with-own-species": `class A extends Array { static get [Symbol.species]() { return function () { return new Uint8Array(1); }; } } return A.from([1, 2, 3]).map((x) => x).length;`,
  "sort-that-empties": `const a = Array.from({ length: 1e5 }, (_, i) => -i); return a.sort((x, y) => { a.length = 0; return x - y; }).length;`,
  "iterator-that-changes": `const m = new Map([[1, 1]]); for (const [k] of m) { m.delete(k); if (k < 1e5) m.set(k + 1, 1); } return m.size;`,
};

export const memory: readonly Attempt[] = [
  ...Object.entries(GROWING).map(
    ([name, body]): Attempt => ({
      name: `memory/${name}`,
      kind: "memory",
      limits: { handlerMs: 1_000, memoryMb: 64 },
      on: `append: (ctx) => { ${body} }`,
      reached: () => [],
      othersMs: OTHERS_MS,
      tiers: ["process"],
    }),
  ),
  ...Object.entries(SLOTS).map(
    ([name, body]): Attempt => ({
      name: `memory/slots-of-${name}`,
      kind: "memory",
      on: `append: (ctx) => { ${body} }`,
      reached: () => [],
    }),
  ),
  {
    name: "memory/top-level",
    kind: "memory",
    before: "const a = new Array(5e7).fill(1.1);",
    on: "append: () => a.length",
    reached: () => [],
    othersMs: OTHERS_MS,
    tiers: ["process"],
  },
  {
    name: "memory/top-level-slots",
    kind: "memory",
    before: `const d = new TextDecoder("utf-16le"); for (const s of Object.getOwnPropertySymbols(d)) d[s] = 1; d.decode(new Uint8Array(4));`,
    on: "append: () => {}",
    reached: () => [],
  },
];
