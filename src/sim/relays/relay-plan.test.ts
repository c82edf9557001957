import assert from "node:assert/strict";
import { test } from "node:test";
import { drawRelayPlan, type RelayFault } from "./relay-plan.ts";

const SEEDS = 60;

/** The faults of all seeds. */
function faultsOf(relays: number): readonly RelayFault[] {
  return Array.from({ length: SEEDS }, (_, seed) => drawRelayPlan(seed, relays).faults).flat();
}

test("a large network suffers in proportion to its sites, and the same kinds of faults", () => {
  const [small, large] = [faultsOf(30), faultsOf(300)];
  const ratio = large.length / small.length;
  assert.ok(ratio > 8 && ratio < 12, `${ratio}`);
  const kinds = (faults: readonly RelayFault[]): Set<string> =>
    new Set(faults.map(({ type }) => type));
  assert.deepEqual(kinds(large), kinds(small));
});

test("troubles come two at once, overlap, and cut off parts of the network", () => {
  const { faults } = drawRelayPlan(5, 300);
  assert.deepEqual(drawRelayPlan(5, 300).faults, faults, "a seed is one plan");
  const pairs = faults.filter(({ at }, index) => at - (faults[index - 1]?.at ?? -1e9) <= 100);
  assert.ok(pairs.length > 0);
  const cuts = faultsOf(300).filter((each) => each.type === "cut");
  assert.ok(cuts.some(({ sites }) => sites.length > 50));
  assert.ok(cuts.some(({ sites }) => sites.length === 1));
  assert.ok(cuts.some(({ oneWay }) => oneWay));
});
