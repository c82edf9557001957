import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SlidingMinimum } from "./sliding-minimum.ts";

test("a value counts for the window, and not much longer", () => {
  const minimum = new SlidingMinimum(1_000);
  assert.equal(minimum.value(0), undefined);
  minimum.add(5, 0);
  minimum.add(9, 500);
  assert.equal(minimum.value(1_000), 5);
  assert.equal(minimum.value(1_100), 9);
  assert.equal(minimum.value(1_600), undefined);
});

test("the minimum of a window lies between those of a window and of one a twentieth longer", () => {
  const steps = fc.array(fc.record({ stepMs: fc.nat(400), value: fc.integer() }), { minLength: 1 });
  fc.assert(
    fc.property(steps, (entries) => {
      const minimum = new SlidingMinimum(1_000);
      const seen: { at: number; value: number }[] = [];
      let now = 0;
      for (const { stepMs, value } of entries) {
        now += stepMs;
        minimum.add(value, now);
        seen.push({ at: now, value });
        const within = (ms: number) =>
          Math.min(...seen.filter(({ at }) => now - at < ms).map((entry) => entry.value));
        const found = minimum.value(now) ?? Number.NaN;
        assert.ok(found <= within(1_000) && found >= within(1_051));
      }
    }),
  );
});
