import assert from "node:assert/strict";
import { test } from "node:test";
import { Storm, type StormReport } from "./storm.ts";
import { drawPlan } from "./storm-plan.ts";

/** `npm run sim:soak` does thousands. */
const SEEDS = 24;

/** What few storms, or only those with channels, have. */
const RARE = new Set([
  ...["deadLetters", "unlucky"],
  ...["packets", "switches", "viewersOwed", "viewersBeyond"],
]);

test("[M1]-[M14] nothing is lost, repeated or reordered, whatever happens to sites, networks, agents and clocks", async () => {
  const sum: Partial<Record<keyof StormReport["counts"], number>> = {};
  for (let seed = 0; seed < SEEDS; seed++) {
    const { failures, counts, drawn } = await new Storm({ seed }).run();
    assert.deepEqual(failures, [], `npm run sim:soak -- --seeds 1 --from ${seed}: ${drawn}`);
    assert.ok(counts.pairs > 0, "a storm in which nothing is counted proves nothing");
    for (const [key, value] of Object.entries(counts) as [keyof typeof counts, number][])
      sum[key] = (sum[key] ?? 0) + value;
  }
  for (const [key, value] of Object.entries(sum))
    if (!RARE.has(key)) assert.ok(value > 0, `${key}: none of it happened`);
  const { questions = 0, questionsOwed = 0, questionsAnswered } = sum;
  assert.equal(questionsAnswered, questionsOwed);
  assert.ok(questionsOwed > questions / 3, "many appends that wait must be answered");
});

/** `npm run sim:soak -- --channels` does thousands. */
const MIXED_SEEDS = 8;

test("channels reach every viewer, in no circle and once, while streams keep their promises, whatever happens to the sites of both", async () => {
  const sum = { packets: 0, switches: 0, viewersOwed: 0, pairs: 0 };
  for (let seed = 0; seed < MIXED_SEEDS; seed++) {
    const { failures, counts, drawn } = await new Storm({ seed, channels: true }).run();
    const again = `npm run sim:soak -- --seeds 1 --from ${seed} --channels`;
    assert.deepEqual(failures, [], `${again}: ${drawn}`);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
  }
  for (const [key, value] of Object.entries(sum)) assert.ok(value > 0, `${key}: none`);
});

test("a storm with channels is decided by its seed", async () => {
  const run = () => new Storm({ seed: 5, durationMs: 1_500, channels: true, trace: true }).run();
  const { world, counts } = await run();
  const { world: again, counts: countsAgain } = await run();
  assert.ok(world.trace.length > 100);
  assert.deepEqual(countsAgain, counts);
  assert.deepEqual(again.trace, world.trace);
});

test("a storm is decided by its seed", async () => {
  const [first, second] = [3, 3].map((seed) => new Storm({ seed, durationMs: 1_500, trace: true }));
  const { world } = await (first as Storm).run();
  const { world: again } = await (second as Storm).run();
  assert.ok(world.trace.length > 100);
  assert.deepEqual(again.trace, world.trace);
});

test("each option of a storm is drawn by itself: any two come together, and apart", () => {
  const plans = Array.from({ length: 400 }, (_, seed) => drawPlan(seed));
  const options: Record<string, (plan: (typeof plans)[number]) => boolean> = {
    loss: ({ loss }) => loss > 0,
    duplicates: ({ duplicates }) => duplicates > 0,
    reorder: ({ reorder }) => reorder > 0,
    crashes: ({ crashes }) => crashes !== undefined,
    pauses: ({ pauses }) => pauses !== undefined,
    cuts: ({ cuts }) => cuts !== undefined,
    leaves: ({ leaves }) => leaves !== undefined,
    "half-open links": ({ halfOpens }) => halfOpens !== undefined,
    "clock jumps": ({ jumps }) => jumps !== undefined,
    "two at once": ({ doubled }) => doubled > 0,
    holds: ({ holds }) => holds !== undefined,
    "process ends": ({ processEnds }) => processEnds !== undefined,
    poisons: ({ poisons }) => poisons !== undefined,
    changes: ({ changes }) => changes !== undefined,
    policies: ({ policies }) => policies !== undefined,
    drift: ({ sites }) => sites.some(({ driftPpm }) => driftPpm !== 0),
    processes: ({ sites }) => sites.some(({ processHopMs }) => processHopMs !== undefined),
    none: ({ streams }) => streams.some(({ durability }) => durability.type === "none"),
    checkpoint: ({ streams }) => streams.some(({ durability }) => durability.type === "checkpoint"),
    message: ({ streams }) => streams.some(({ durability }) => durability.type === "message"),
    outage: ({ outage }) => outage !== undefined,
  };
  for (const [one, isOne] of Object.entries(options))
    for (const [other, isOther] of Object.entries(options)) {
      if (one >= other) continue;
      for (const [a, b] of [
        [true, true],
        [true, false],
        [false, true],
        [false, false],
      ])
        assert.ok(
          plans.some((plan) => isOne(plan) === a && isOther(plan) === b),
          `${one} ${a}, ${other} ${b}`,
        );
    }
});
