import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { visibleLine, visibleText } from "./visible-text.ts";

test("what a terminal would act upon is shown as an escape", () => {
  assert.equal(visibleText("\x1b[2J\x1b]0;title\x07"), "\\x1b[2J\\x1b]0;title\\x07");
  assert.equal(visibleText("a\rb\x7fc\x9bd"), "a\\x0db\\x7fc\\x9bd");
  assert.equal(
    visibleText("a\u202eb\u2066c\u200bd\ufeff"),
    "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}",
  );
  assert.equal(visibleText("\u{e0041}"), "\\u{e0041}");
  assert.equal(visibleText("two\nlines\tand a column"), "two\nlines\tand a column");
  assert.equal(visibleLine("two\nlines\tand a column"), "two\\nlines\\tand a column");
});

test("text of every script stays as it is", () => {
  for (const text of ["naïve café", "Ωμέγα", "中文", "עברית", "हिन्दी", "👩‍👩‍👧", "می‌خواهم"])
    assert.equal(visibleLine(text), text);
});

test("what was made visible stays so, and nothing unseen is left", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = visibleLine(text);
      assert.equal(visibleLine(shown), shown);
      assert.doesNotMatch(shown, /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});
