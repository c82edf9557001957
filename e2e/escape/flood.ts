import type { Attempt } from "./attempt.ts";

/** How long another owner's append may take beside a flood, ms. */
const OTHERS_MS = 250;
const LASTS_MS = 1_500;

/** Handlers that ask for as much of their site as they can, for as long as they live. */
const FLOODS: Readonly<Record<string, string>> = {
  "long-lines": `append: (ctx) => { ctx.timer(0); }, timer: (ctx) => { for (let i = 0; i < 1000; i++) ctx.log("x".repeat(2000)); ctx.timer(0); }`,
  "short-lines": `append: (ctx) => { ctx.timer(0); }, timer: (ctx) => { for (let i = 0; i < 1000; i++) ctx.log("x"); ctx.timer(0); }`,
  "lines-of-large-values": `append: (ctx) => { ctx.timer(0); }, timer: (ctx) => { const o = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => ["k" + i, "x".repeat(100)])); for (let i = 0; i < 50; i++) console.log(o, o, o); ctx.timer(0); }`,
  "failing-timers": `append: (ctx) => { for (let i = 0; i < 500; i++) ctx.timer(i); }, timer: () => { throw new Error("x".repeat(5000)); }`,
  timers: `append: (ctx) => { for (let i = 0; i < 1000; i++) ctx.timer(0, i); }, timer: (ctx, v) => { ctx.timer(0, v); }`,
  "timers-with-large-values": `append: (ctx) => { for (let i = 0; i < 200; i++) ctx.timer(0, new Uint8Array(60_000)); }, timer: (ctx, v) => { ctx.timer(0, v); }`,
  "doubling-messages-to-itself": `append: (ctx, m) => { const s = ctx.open(ctx.stream); s.append(m); s.append(m); }`,
  "many-messages-to-itself": `append: (ctx, m) => { const s = ctx.open(ctx.stream); for (let i = 0; i < 5000; i++) s.append(i); }`,
  "large-messages-to-itself": `append: (ctx, m) => { const s = ctx.open(ctx.stream); for (let i = 0; i < 8; i++) s.append(new Uint8Array(2 ** 19)); }`,
  "moves-to-nowhere": `append: async (ctx) => { const until = ctx.now() + 1_500; while (ctx.now() < until) await Promise.all(Array.from({ length: 60 }, (_, i) => ctx.open("none-" + i).move("nowhere").catch(() => {}))); }`,
  "looks-for-streams": `append: async (ctx) => { const until = ctx.now() + 1_500; while (ctx.now() < until) await Promise.all(Array.from({ length: 60 }, (_, i) => ctx.open("none-" + i).location().catch(() => {}))); }`,
  "creations-of-streams": `append: async (ctx) => { const until = ctx.now() + 1_500; for (let n = 0; ctx.now() < until; ) await Promise.all(Array.from({ length: 60 }, () => ctx.createStream(ctx.stream + "-" + n++).then((s) => s.destroy()).catch(() => {}))); }`,
  "uploads-that-are-dear": `append: async (ctx) => { const until = ctx.now() + 1_500; for (let n = 0; ctx.now() < until; n++) { let source = "/*" + n + "*/"; for (let i = 0; i < 400; i++) source += "let $value" + "_".repeat(i) + "=1;"; await ctx.open("none").registerAgent({ source: source + "export default { on: {} };" }).catch(() => {}); } }`,
  "uploads-that-are-wrong": `append: async (ctx) => { const until = ctx.now() + 1_500; for (let n = 0; ctx.now() < until; ) await Promise.all(Array.from({ length: 30 }, () => ctx.open("none").registerAgent({ source: "export default { on: { x" + n++ }).catch(() => {}))); }`,
  "replaced-handlers": `append: async (ctx) => { const until = ctx.now() + 1_500; for (let n = 0; ctx.now() < until; ) await Promise.all(Array.from({ length: 30 }, () => ctx.open("none").agent("x").replaceHandler("append", "() => " + n++).catch(() => {}))); }`,
  "promises-of-the-site": `append: (ctx) => { ctx.timer(0); }, timer: (ctx) => { for (let i = 0; i < 60; i++) ctx.open("none-" + i).location().catch(() => {}); ctx.timer(0); }`,
  "failing-messages": `append: (ctx, m) => { const s = ctx.open(ctx.stream); s.append(m); if (m === "go") { ctx.timer(0); return; } throw new Error("x".repeat(5000)); }, timer: (ctx) => { for (let i = 0; i < 1000; i++) ctx.open(ctx.stream).append("fail"); ctx.timer(10); }`,
  "appends-that-wait": `append: async (ctx) => { const until = ctx.now() + 1_500; while (ctx.now() < until) await Promise.all(Array.from({ length: 60 }, () => ctx.open("none").append(0, { until: "consumed", timeoutMs: 50 }).catch(() => {}))); }`,
};

export const flood: readonly Attempt[] = Object.entries(FLOODS).map(([name, on]) => ({
  name: `flood/${name}`,
  kind: "flood",
  on,
  messages: ["go"],
  reached: () => [],
  othersMs: OTHERS_MS,
  lastsMs: LASTS_MS,
  tiers: ["process"],
}));
