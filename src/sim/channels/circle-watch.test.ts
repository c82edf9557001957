import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CircleWatch } from "./circle-watch.ts";

test("a circle is found when its last source closes it, and told once", () => {
  const watch = new CircleWatch();
  watch.set("a", ["a"]);
  watch.set("b", ["a", "b"]);
  watch.set("c", ["a", "b", "c"]);
  assert.equal(watch.find(), undefined);
  watch.set("b", ["a", "b", "c", "b"]);
  assert.deepEqual(watch.find(), ["b", "c", "b"]);
  assert.equal(watch.find(), undefined);
  watch.set("b", []);
  watch.set("b", ["c", "b"]);
  assert.deepEqual(watch.find(), ["b", "c", "b"]);
});

test("whatever changes, a circle is found if there was none before and is one now", () => {
  const sites = Array.from({ length: 7 }, (_, index) => `s${index}`);
  const name = fc.constantFrom(...sites);
  const steps = fc.array(fc.array(fc.tuple(name, fc.option(name)), { maxLength: 3 }));
  fc.assert(
    fc.property(steps, (changes) => {
      const watch = new CircleWatch();
      const sources = new Map<string, string>();
      let before = false;
      for (const step of changes) {
        for (const [site, source] of step) {
          watch.set(site, source === null ? [] : [source, site]);
          if (source === null) sources.delete(site);
          else sources.set(site, source);
        }
        const found = watch.find();
        const now = hasCircle(sources);
        if (now && !before) assert.ok(found !== undefined);
        if (found !== undefined) {
          for (let i = 1; i < found.length; i++)
            assert.equal(sources.get(found[i - 1] as string), found[i]);
          assert.equal(found.at(-1), found[0]);
        }
        before = now;
      }
    }),
  );
});

function hasCircle(sources: ReadonlyMap<string, string>): boolean {
  return [...sources.keys()].some((start) => {
    let at: string | undefined = start;
    for (let steps = 0; at !== undefined && steps <= sources.size; steps++) at = sources.get(at);
    return at !== undefined;
  });
}
