import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Json } from "./directory.ts";
import { encodeValue, nestingOf } from "./value.ts";

test("[D11] any JSON value is encoded to what parses to the same", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(
        JSON.parse(encodeValue("a", value as Json)),
        JSON.parse(JSON.stringify(value)),
      );
    }),
  );
});

test("[D11] nesting is what it is, whatever strings hold", () => {
  assert.equal(nestingOf("1"), 0);
  assert.equal(nestingOf('[{"[[[":"]\\"[["}]'), 2);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(nestingOf(JSON.stringify(value)), depthOf(value));
    }),
  );
});

test("the nesting of any text is measured without a throw", () => {
  fc.assert(fc.property(fc.string(), (text) => nestingOf(text) >= 0));
});

test("[D11] a value with a cycle is refused with a readable error", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  assert.throws(() => encodeValue("a/b", cycle as Json), {
    code: "directory-value-invalid",
    where: "directory key a/b",
  });
});

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
