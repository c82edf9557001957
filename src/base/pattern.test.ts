import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesPattern } from "./pattern.ts";

/** The same, as a regular expression has it. */
function matchesSlowly(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.\\^$+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*")}$`).test(text);
}

test("a star stands for any part of a text, and everything else for itself", () => {
  const some = fc.string({ unit: fc.constantFrom("a", "b", ".", "*") });
  fc.assert(
    fc.property(some, some, (pattern, text) => {
      assert.equal(matchesPattern(pattern, text), matchesSlowly(pattern, text));
    }),
    {
      numRuns: 5_000,
      examples: [
        ["a*a", "a"],
        ["*", ""],
        ["", ""],
        ["**", "x"],
        ["a*b*a", "aba"],
      ],
    },
  );
});
