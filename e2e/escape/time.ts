import type { Attempt } from "./attempt.ts";

/** How long another owner's append may take while something runs to its deadline, ms. */
const OTHERS_MS = 400;
const DEADLINE_MS = 300;

/** Code without end: plain, in what the language runs itself, and in what is read of a value afterwards. */
const ENDLESS: Readonly<Record<string, string>> = {
  loop: `for (;;) {}`,
  microtasks: `const f = () => Promise.resolve().then(f); f(); return new Promise(() => {});`,
  "promise-that-never-settles": `return new Promise(() => {});`,
  "await-in-a-loop": `return (async () => { for (;;) await null; })();`,
  "for-await": `return (async () => { for await (const _ of (async function* () { for (;;) yield 1; })()); })();`,
  "loop-in-finally": `try { throw 1; } finally { for (;;) {} }`,
  "then-that-never-returns": `return { then() { for (;;) {} } };`,
  "then-getter": `return { get then() { for (;;) {} } };`,
  "getter-in-an-answer": `return { get a() { for (;;) {} } };`,
  "getters-without-end": `const make = () => ({ get a() { return make(); }, get b() { return make(); } }); return make();`,
  "proxy-in-an-answer": `return new Proxy({}, { ownKeys() { for (;;) {} } });`,
  "getter-in-the-briefcase": `ctx.briefcase = { get a() { for (;;) {} } };`,
  "getter-in-a-log-line": `for (;;) ctx.log({ get a() { return 1; } });`,
  "huge-object-in-the-log": `const o = {}; for (let i = 0; i < 200_000; i++) o["k" + i] = i; for (;;) console.log(o);`,
  "error-with-a-stack": `const e = new Error("x"); Object.defineProperty(e, "stack", { get() { for (;;) {} } }); throw e;`,
  "error-with-a-message": `const e = new Error("x"); Object.defineProperty(e, "message", { get() { for (;;) {} } }); throw e;`,
  "thrown-proxy": `throw new Proxy({}, { getPrototypeOf() { for (;;) {} } });`,
  "regular-expression": `return /^(a+)+$/.test("a".repeat(40) + "b");`,
  "replace-without-end": `return "a".repeat(30).replace(/(a*)*b/, "");`,
  "sort-with-a-comparator": `return [2, 1].sort(() => { for (;;) {} });`,
  "bigint-power": `return String(7n ** 9000000n).length;`,
  "bigint-division": `let a = 7n ** 400000n; for (;;) a = (a * a) % (a - 1n) + 7n ** 400000n;`,
  "search-in-typed-array": `const u = new Uint32Array(2 ** 22); let n = 0; for (;;) n += u.indexOf(1) + u.lastIndexOf(1);`,
  "sort-of-typed-array": `const u = Int32Array.from({ length: 2 ** 19 }, (_, i) => -i); for (;;) { u.sort(); u.reverse(); }`,
  "text-search": `const s = "a".repeat(2 ** 20); for (;;) s.indexOf("a".repeat(2 ** 19) + "b");`,
  "text-normalised": `const s = "\\u1100\\u1161".repeat(2 ** 17); for (;;) s.normalize("NFC").normalize("NFD");`,
  "json-of-much": `const a = Array.from({ length: 2e5 }, (_, i) => ({ i })); for (;;) JSON.parse(JSON.stringify(a));`,
  "decoding-of-much": `const b = new Uint8Array(2 ** 22); const d = new TextDecoder("utf-16le"); for (;;) d.decode(b);`,
  "array-methods": `const a = Array.from({ length: 3e5 }, (_, i) => i); for (;;) a.flatMap((x) => [x]).reverse().includes(-1);`,
  "uri-of-much": `const s = "ä".repeat(2 ** 18); for (;;) decodeURIComponent(encodeURIComponent(s));`,
  "map-rehashed": `for (;;) { const m = new Map(); for (let i = 0; i < 1e5; i++) m.set(i, i); m.clear(); }`,
  "proxy-chain": `let p = {}; for (let i = 0; i < 5000; i++) p = new Proxy(p, {}); for (;;) "x" in p;`,
};

export const time: readonly Attempt[] = [
  ...Object.entries(ENDLESS).map(
    ([name, body]): Attempt => ({
      name: `time/${name}`,
      kind: "time",
      limits: { handlerMs: DEADLINE_MS, memoryMb: 256 },
      on: `append: (ctx) => { ${body} }`,
      fails: ["handler-deadline", "handler-failed", "executor-failed", "value-uncloneable"],
      othersMs: OTHERS_MS,
      tiers: ["process"],
    }),
  ),
  {
    name: "time/after-its-handler",
    kind: "time",
    limits: { handlerMs: DEADLINE_MS },
    on: `append: (ctx, m) => { const f = () => Promise.resolve().then(f); Promise.resolve().then(f); return []; }`,
    othersMs: OTHERS_MS,
    lastsMs: 1_000,
    tiers: ["process"],
  },
  {
    name: "time/top-level",
    kind: "time",
    before: "for (;;) {}",
    on: "append: () => {}",
    fails: ["code-failed"],
    othersMs: OTHERS_MS,
    tiers: ["process"],
  },
  {
    name: "time/top-level-microtasks",
    kind: "time",
    before: "(async () => { for (;;) await null; })();",
    on: "append: () => {}",
    fails: ["code-failed"],
    othersMs: OTHERS_MS,
    tiers: ["process"],
  },
];
