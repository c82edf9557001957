import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeanderError } from "../../base/index.ts";
import type { AgentDefinition, StreamRef } from "../model.ts";
import { defineAgent } from "./index.ts";

test("a definition comes back frozen, with its own briefcase", () => {
  const briefcase = { count: 0 };
  const definition = defineAgent({
    name: "counter",
    briefcase,
    limits: { handlerMs: 10 },
    onError: { retry: 1 },
    on: { append: (ctx, by: number) => (ctx.briefcase.count += by) },
  });
  assert.equal(definition.briefcase, briefcase);
  assert.ok(Object.isFrozen(definition));
  assert.ok(Object.isFrozen(definition.on));
  assert.ok(Object.isFrozen(definition.limits));
  assert.ok(Object.isFrozen(definition.onError));
  assert.ok(!Object.isFrozen(briefcase));
});

test("the type of the briefcase is that of the handlers' ctx.briefcase", () => {
  const typed = defineAgent({
    briefcase: { next: "there", seen: new Map<string, number>() },
    on: {
      append: (ctx, site: string) => {
        ctx.briefcase.next = site;
        ctx.briefcase.seen.set(site, 1);
        // @ts-expect-error a number is not a site
        ctx.briefcase.next = 1;
        // @ts-expect-error no such field
        return ctx.briefcase.missing;
      },
      arrival: (ctx, { from }) => ctx.log(from.length, ctx.briefcase.next.length),
    },
  });
  // Streams take definitions of any briefcase.
  const attach = (stream: StreamRef) => stream.registerAgent(typed);
  assert.equal(attach.length, 1);
});

const wrong: readonly [what: string, definition: unknown, where: string, expected: RegExp][] = [
  ["nothing", undefined, "the definition", /an object with `on`/],
  ["a list", [], "the definition", /an object with `on`/],
  ["no handlers", {}, "on", /an object/],
  ["handlers that are not an object", { on: [] }, "on", /an object/],
  ["an unknown event", { on: { apend: () => 1 } }, "on.apend", /append, departure/],
  ["a handler that is not a function", { on: { append: "f" } }, "on.append", /a function/],
  ["an unknown field", { on: {}, briefcaes: {} }, "briefcaes", /briefcase, isolation/],
  ["a name with a blank", { on: {}, name: "a b" }, "name", /letters, digits/],
  ["a long name", { on: {}, name: "a".repeat(41) }, "name", /1 to 40/],
  ["a briefcase that is not an object", { on: {}, briefcase: 1 }, "briefcase", /an object/],
  ["an unknown isolation", { on: {}, isolation: "none" }, "isolation", /"inline", "process"/],
  ["no time", { on: {}, limits: { handlerMs: 0 } }, "limits.handlerMs", /at least 1/],
  [
    "too much time",
    { on: {}, limits: { handlerMs: 600_001 } },
    "limits.handlerMs",
    /at most 600000/,
  ],
  [
    "half a millisecond",
    { on: {}, limits: { handlerMs: 1.5 } },
    "limits.handlerMs",
    /a whole number/,
  ],
  ["an unknown limit", { on: {}, limits: { cpu: 1 } }, "limits.cpu", /memoryMb/],
  ["too many attempts", { on: {}, onError: { retry: 101 } }, "onError.retry", /at most 100/],
  [
    "an unknown outcome",
    { on: {}, onError: JSON.parse(`{"then":"drop"}`) },
    "onError.then",
    /"deadLetter"/,
  ],
];

for (const [what, definition, where, expected] of wrong) {
  test(`${what} is refused, with where and what would be right`, () => {
    assert.throws(
      () => defineAgent(definition as AgentDefinition),
      (error: MeanderError) => {
        assert.equal(error.code, "agent-invalid");
        assert.equal(error.where, where);
        assert.match(error.expected ?? "", expected);
        return true;
      },
    );
  });
}
