import assert from "node:assert/strict";
import { test } from "node:test";
import { Storm } from "./storm.ts";

/** `npm run sim:soak` does thousands. */
const SEEDS = 24;

test("[M1]-[M12] nothing is lost, repeated or reordered, whatever happens to sites and networks", async () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const { failures, counts } = await new Storm({ seed }).run();
    assert.deepEqual(failures, [], `npm run sim:soak -- --seeds 1 --from ${seed}`);
    assert.ok(counts.consumed > 0, "a storm in which nothing happens proves nothing");
  }
});

test("a storm is decided by its seed", async () => {
  const [first, second] = [3, 3].map((seed) => new Storm({ seed, durationMs: 1_500, trace: true }));
  const { world } = await (first as Storm).run();
  const { world: again } = await (second as Storm).run();
  assert.ok(world.trace.length > 100);
  assert.deepEqual(again.trace, world.trace);
});
