import type { Attempt, Ending } from "./attempt.ts";

/** What may not get through whole. */
const refused =
  (...codes: readonly string[]) =>
  (endings: readonly Ending[]): readonly string[] => {
    const last = endings.at(-1);
    if (last?.type === "failed")
      return codes.includes(last.code) ? [] : [`it failed as ${last.code}`];
    const reply = last?.reply;
    return typeof reply === "string" && codes.includes(reply) ? [] : [JSON.stringify(reply)];
  };

/** What a handler gets that does this. */
const coded = (action: string): string =>
  `append: async (ctx, m) => { try { ${action} } catch (error) { return error.code ?? error.name; } return "taken"; }`;

const attempt = (
  name: string,
  on: string,
  reached: Attempt["reached"],
  more: Partial<Attempt> = {},
): Attempt => ({
  name: `limits/${name}`,
  kind: "limits",
  on,
  ...(reached === undefined ? {} : { reached }),
  ...more,
});

/** At each bound, and beyond it. */
export const limits: readonly Attempt[] = [
  attempt(
    "message-at-its-limit",
    coded(`await ctx.open("other").append(new Uint8Array(2 ** 20 - 20));`),
    refused("taken"),
  ),
  attempt(
    "message-too-large",
    coded(`await ctx.open("other").append(new Uint8Array(2 ** 20 + 1));`),
    refused("message-too-large"),
  ),
  attempt("reply-too-large", `append: () => new Uint8Array(2 ** 22)`, () => []),
  attempt(
    "effects-too-many",
    coded(`for (let i = 0; i < 20_000; i++) ctx.open("other").append(0);`),
    refused("effects-too-many"),
  ),
  attempt(
    "effects-too-large",
    coded(`for (let i = 0; i < 40; i++) ctx.open("other").append(new Uint8Array(2 ** 19));`),
    refused("effects-too-many"),
  ),
  attempt(
    "timers-too-many",
    coded(`for (let i = 0; i < 20_000; i++) ctx.timer(1e9, 0);`),
    refused("effects-too-many"),
  ),
  attempt(
    "calls-too-many",
    coded(`await Promise.all(Array.from({ length: 200 }, () => ctx.open("none").location()));`),
    refused("effects-too-many"),
  ),
  attempt(
    "briefcase-too-large",
    `append: (ctx) => { ctx.briefcase.x = "x".repeat(2e6); }`,
    refused("briefcase-too-large"),
  ),
  attempt(
    "briefcase-that-is-no-value",
    `append: (ctx) => { ctx.briefcase = () => {}; }`,
    refused("value-uncloneable"),
  ),
  attempt(
    "nested-too-deep",
    `append: () => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a; }`,
    refused("value-uncloneable"),
  ),
  attempt(
    "nested-at-its-limit",
    `append: () => { let a = "deep"; for (let i = 0; i < 190; i++) a = [a]; let b = a; while (typeof b !== "string") b = b[0]; return b === "deep" ? "taken" : "lost"; }`,
    refused("taken"),
  ),
  attempt(
    "name-too-long",
    coded(`await ctx.createStream("x".repeat(10_000));`),
    refused("stream-invalid", "request-invalid"),
  ),
  attempt(
    "name-that-leads-elsewhere",
    coded(`await ctx.createStream("../x");`),
    refused("stream-invalid", "request-invalid"),
  ),
  attempt(
    "code-too-large",
    coded(`await ctx.open("other").registerAgent({ source: "x".repeat(300_000) });`),
    refused("code-too-large", "agent-exists"),
  ),
  attempt("timer-that-is-none", coded(`ctx.timer(Number.NaN);`), refused("request-invalid")),
  attempt(
    "timer-with-own-number",
    coded(`ctx.timer({ valueOf: () => 1 });`),
    refused("request-invalid"),
  ),
  attempt("inline-where-it-is-not-allowed", `append: () => "taken"`, refused("taken"), {
    tiers: ["process"],
  }),
  attempt(
    "context-after-its-handler",
    `append: (ctx, m) => { if (m === 0) { ctx.local.old = ctx; return; } return ["open", "log", "timer", "relocate", "exit", "group"].filter((name) => { try { ctx.local.old[name]("other", 1); return true; } catch { return false; } }); }`,
    undefined,
    { messages: [0, 1] },
  ),
  attempt(
    "promise-after-its-handler",
    `append: async (ctx, m) => { if (m === 0) { const s = ctx.open("other"); ctx.local.late = () => s.append("late"); return []; } try { await ctx.local.late(); return ["sent"]; } catch { return []; } }`,
    undefined,
    { messages: [0, 1] },
  ),
];
