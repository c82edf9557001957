import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom, VirtualClock } from "../base/index.ts";
import type { Peer } from "../channel/index.ts";
import type { ControlMessage } from "../wire/index.ts";
import {
  orderForViewer,
  ViewerAlternatives,
  type WeightedSite,
  weightedByRoom,
} from "./viewer-alternatives.ts";

const VIEWERS = 1_000;

function site(name: string, weight = 1): WeightedSite {
  return { name, url: `ws://${name}/link`, weight };
}

const sites = fc
  .uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/), { minLength: 1, maxLength: 12 })
  .chain((names) => {
    const weight = fc.integer({ min: 0, max: 5_000 });
    return fc.tuple(...names.map((name) => weight.map((each) => site(name, each))));
  });

/** How many viewers of a crowd are told each site first. */
function crowd(all: readonly WeightedSite[], seed: number): ReadonlyMap<string, number> {
  const random = new SeededRandom(seed);
  const counts = new Map(all.map(({ name }) => [name, 0]));
  for (let viewer = 0; viewer < VIEWERS; viewer++) {
    const first = orderForViewer(all, random.uint32())[0]?.name ?? "";
    counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  return counts;
}

test("[W24] a viewer is told each site once, in the same order each time", () => {
  fc.assert(
    fc.property(sites, fc.nat(0xffff_ffff), (all, seed) => {
      const order = orderForViewer(all, seed);
      assert.deepEqual([...order].sort(byName), [...all].sort(byName));
      assert.deepEqual(orderForViewer([...all].reverse(), seed), order);
    }),
  );
});

test("[W24] a site that comes or goes does not change the order of the others", () => {
  fc.assert(
    fc.property(sites, fc.nat(0xffff_ffff), fc.nat(), (all, seed, index) => {
      const gone = all[index % all.length];
      const order = orderForViewer(all, seed).filter((each) => each !== gone);
      const rest = all.filter((each) => each !== gone);
      assert.deepEqual(orderForViewer(rest, seed), order);
    }),
  );
});

test("[W24] a crowd spreads by the sites' weights", () => {
  fc.assert(
    fc.property(sites, fc.nat(), (all, seed) => {
      const total = all.reduce((sum, { weight }) => sum + weight, 0);
      if (total === 0) return;
      const counts = crowd(all, seed);
      for (const { name, weight } of all) {
        const share = weight / total;
        // Six standard deviations.
        const slack = 6 * Math.sqrt(VIEWERS * share * (1 - share)) + 1;
        const off = Math.abs((counts.get(name) ?? 0) - VIEWERS * share);
        assert.ok(off <= slack, `${name}: ${counts.get(name)} of ${VIEWERS} for ${share}`);
      }
    }),
    { numRuns: 60 },
  );
});

test("[W24] those whose first site is full spread over the others again", () => {
  const all = ["a", "b", "c", "d", "e"].map((name) => site(name));
  const random = new SeededRandom(5);
  const counts = new Map<string, number>();
  for (let viewer = 0; viewer < VIEWERS * 5; viewer++) {
    const [first, second] = orderForViewer(all, random.uint32());
    const pair = `${first?.name} ${second?.name}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  assert.equal(counts.size, 20);
  for (const [pair, count] of counts) assert.ok(count > 150 && count < 350, `${pair}: ${count}`);
});

test("[W24] full sites come last, in an order of chance", () => {
  const all = [site("full", 0), site("other", 0), site("small", 1), site("large", 100)];
  const orders = Array.from({ length: 200 }, (_, seed) =>
    orderForViewer(all, seed).map(({ name }) => name),
  );
  for (const order of orders) {
    assert.deepEqual(new Set(order.slice(2)), new Set(["full", "other"]));
  }
  assert.equal(new Set(orders.map((order) => order[2])).size, 2);
});

/** The weights of sites that told these rooms. */
function weightsFor(...rooms: (number | undefined)[]): number[] {
  const all = rooms.map((_, index) => site(`s${index}`));
  return weightedByRoom(all, (name) => rooms[Number(name.slice(1))]).map(({ weight }) => weight);
}

test("[W37] a site is weighted by its room, and one that told none as a usual one", () => {
  assert.deepEqual(weightsFor(40, 60, 90, 150), [40, 60, 90, 150]);
  assert.deepEqual(weightsFor(40, undefined, 90, 0), [40, 40, 90, 0]);
  assert.deepEqual(weightsFor(undefined, undefined), [1, 1]);
  assert.deepEqual(weightsFor(0, 0), [0, 0]);
});

test("[W37] a site that claims any room is sent at most four times what a usual one is", () => {
  assert.deepEqual(weightsFor(100, 100, 1e9), [100, 100, 400]);
  assert.deepEqual(weightsFor(100, 1e9), [100, 400]);
  // It alone tells: what it tells is what is usual.
  assert.deepEqual(weightsFor(undefined, 1e9, undefined), [1e9, 1e9, 1e9]);
  const room = fc.option(fc.nat(10_000), { nil: undefined });
  fc.assert(
    fc.property(fc.array(room, { minLength: 1, maxLength: 12 }), (rooms) => {
      const largest = Math.max(...rooms.map((each) => each ?? 0));
      if (largest === 0) return;
      const [liar = 0, ...others] = weightsFor(1e9, ...rooms);
      assert.ok(liar <= 4 * largest, `${liar} for ${rooms}`);
      // Nobody is sent more for being lied beside.
      for (const [index, weight] of others.entries())
        assert.ok(weight <= Math.max(largest, rooms[index] ?? 0));
    }),
  );
});

test("[W37] a site without viewers looks at no rooms; with some, at each once a second", () => {
  const clock = new VirtualClock();
  const viewers: Peer[] = [];
  let looks = 0;
  const alternatives = new ViewerAlternatives({
    ...{ clock, random: new SeededRandom(1), viewers: () => viewers },
    roomOf: () => {
      looks++;
      return 10;
    },
  });
  const pass = (seconds: number): number => {
    looks = 0;
    for (let tick = 0; tick < seconds * 10; tick++) {
      clock.advance(100);
      alternatives.tick();
    }
    return looks;
  };
  const sites = Array.from({ length: 300 }, (_, index) => site(`s${index}`));
  alternatives.set(sites);
  assert.equal(pass(10), 0);
  const told: ControlMessage[] = [];
  const viewer = { state: "open", sendControl: (message: ControlMessage) => told.push(message) };
  for (let count = 0; count < 20; count++) {
    const each = { ...viewer } as unknown as Peer;
    viewers.push(each);
    alternatives.tell(each);
  }
  assert.equal(looks, 300, "a crowd that comes at once is told by one look");
  assert.equal(told.length, 20);
  assert.equal(pass(10), 10 * 300);
});

function byName(one: WeightedSite, other: WeightedSite): number {
  return one.name < other.name ? -1 : 1;
}
