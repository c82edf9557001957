import assert from "node:assert/strict";
import { test } from "node:test";
import { type AgentContext, type AgentDefinition, DEFAULT_ON_ERROR } from "../model.ts";
import { definitionSource, handlerSource } from "./index.ts";

/** The default export of a module's text, as the runtime reads it. */
async function exported(source: string): Promise<unknown> {
  const url = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  return ((await import(url)) as { default: unknown }).default;
}

test("handlers of every way of writing become text that does the same", async () => {
  const { source } = definitionSource({
    name: "all",
    isolation: "worker",
    limits: { handlerMs: 7 },
    onError: { ...DEFAULT_ON_ERROR, retry: 0 },
    briefcase: { left: "out" },
    on: {
      append(_ctx, message: number) {
        return message + 1;
      },
      async init() {
        return "method";
      },
      arrival: (_ctx, { from }) => from,
      departure: async (_ctx, { to }) => to,
      // biome-ignore lint/complexity/useArrowFunction: one of the ways
      failure: function (_ctx, { lostSite }) {
        return lostSite;
      },
      timer: async function named(_ctx, value) {
        return [named.name, value];
      },
    },
  });
  const { on, ...fields } = (await exported(source)) as AgentDefinition;
  const ctx = {} as AgentContext;
  assert.deepEqual(fields, {
    name: "all",
    isolation: "worker",
    limits: { handlerMs: 7 },
    onError: { ...DEFAULT_ON_ERROR, retry: 0 },
  });
  assert.equal(on.append?.(ctx, 1), 2);
  assert.equal(await on.init?.(ctx), "method");
  assert.equal(on.arrival?.(ctx, { from: "a" }), "a");
  assert.equal(await on.departure?.(ctx, { to: "b" }), "b");
  assert.equal(on.failure?.(ctx, { lostSite: "c" }), "c");
  assert.deepEqual(await on.timer?.(ctx, 5), ["named", 5]);
});

test("methods with odd names and computed names become functions", async () => {
  const odd = {
    async(_ctx: unknown, x: number) {
      return x;
    },
  }.async;
  assert.equal(((await exported(handlerSource(odd).source)) as typeof odd)(0, 3), 3);
  const key = "append";
  const computed = {
    async [key](_ctx: unknown, x: number) {
      return x * 2;
    },
  };
  const read = (await exported(handlerSource(computed[key]).source)) as (typeof computed)["append"];
  assert.equal(await read(0, 4), 8);
});

test("a handler that is text stays as it is", () => {
  assert.equal(handlerSource("(ctx) => 1").source, "(ctx) => 1");
});

test("names that esbuild sets are set", async () => {
  const marked = new Function(
    "__name",
    `return () => { const f = __name(() => 4, "f"); return f(); }`,
  )((fn: unknown) => fn) as () => number;
  assert.equal(((await exported(handlerSource(marked).source)) as typeof marked)(), 4);
});

const unfit: readonly [what: string, on: object, pattern: RegExp][] = [
  ["a bound function", { append: ((_: unknown) => 1).bind(undefined) }, /bound or built in/],
  ["a built-in function", { append: Math.max }, /bound or built in/],
  ["a generator", { *append() {} }, /generator/],
  ["a generator expression", { append: async function* () {} }, /generator/],
  ["a class", { append: class {} }, /class/],
  [
    "an accessor",
    {
      get append() {
        return () => 1;
      },
    },
    /accessor/,
  ],
  [
    "super",
    {
      append() {
        return super.toString();
      },
    },
    /super/,
  ],
];

for (const [what, on, pattern] of unfit) {
  test(`${what} is refused, with the handler's name`, () => {
    assert.throws(() => definitionSource({ on } as AgentDefinition), {
      code: "agent-invalid",
      where: "on.append",
      message: pattern,
    });
  });
}

test("a value that is not a definition has no source", () => {
  assert.throws(() => definitionSource({} as AgentDefinition), { code: "agent-invalid" });
  assert.throws(() => handlerSource(3 as unknown as string), { code: "agent-invalid" });
});
