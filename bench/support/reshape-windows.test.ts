import assert from "node:assert/strict";
import { test } from "node:test";
import { FIGURE_7, FIGURE_9, pathOf, routesOf } from "./reshape-topology.ts";
import { effectOf, quantile } from "./reshape-windows.ts";
import { type Arrival, arrivalsOf } from "./test-streams.ts";

/** One packet each 10 ms from 0 on, but for what `change` makes of them. */
function arrivals(change: (number: number) => number | undefined = (number) => number * 10) {
  const all: Arrival[] = [];
  for (let number = 0; number < 200; number++) {
    const atMs = change(number);
    if (atMs === undefined) continue;
    const sinceMs = atMs - (all.at(-1)?.atMs ?? 0);
    all.push({ atMs, number, sinceMs, latencyMs: 5 + atMs - number * 10 });
  }
  return all;
}

const WINDOW = { fromMs: 1_000, toMs: 1_500 };

test("an event that does nothing has done nothing", () => {
  assert.deepEqual(effectOf(arrivals(), WINDOW), {
    ...{ lost: 0, repeated: 0, gapMs: 10, interArrivalMs: 10, lateMs: 0 },
  });
});

test("what never comes is lost, within the window and up to the first packet behind it", () => {
  const some = arrivals((number) => (number % 50 === 20 ? undefined : number * 10));
  assert.equal(effectOf(some, WINDOW).lost, 1, "120; 70 and 170 are outside");
  const end = arrivals((number) => (number > 140 && number < 160 ? undefined : number * 10));
  assert.equal(effectOf(end, WINDOW).lost, 19);
});

test("what comes late is not lost, and what comes again is repeated", () => {
  const late = arrivals((number) => (number === 120 ? undefined : number * 10));
  late.push({ atMs: 2_000, number: 120, sinceMs: 10, latencyMs: 800 });
  late.splice(130, 0, { atMs: 1_301, number: 5, sinceMs: 1, latencyMs: 5 });
  const { lost, repeated } = effectOf(late, WINDOW);
  assert.deepEqual([lost, repeated], [0, 1]);
});

test("the longest pause counts, and also one that lasts to the end of the window", () => {
  const held = arrivals((number) => (number > 110 && number < 131 ? 1_310 : number * 10));
  const { gapMs, lateMs } = effectOf(held, WINDOW);
  assert.deepEqual([gapMs, lateMs], [210, 200]);
  const dead = arrivals((number) => (number > 110 ? undefined : number * 10));
  assert.equal(effectOf(dead, WINDOW).gapMs, 400);
  assert.throws(() => effectOf(arrivals(), { fromMs: 9_000, toMs: 9_500 }), /nothing was received/);
});

test("logs are read back", () => {
  const head = "arrivalMs,number,interArrivalMs,latencyMs";
  assert.deepEqual(arrivalsOf(`${head}\n5.000,7,,1.500\n15.250,8,10.250,2.000\n`), [
    { atMs: 5, number: 7, sinceMs: Number.NaN, latencyMs: 1.5 },
    { atMs: 15.25, number: 8, sinceMs: 10.25, latencyMs: 2 },
  ]);
});

test("a share of the values is not above its quantile", () => {
  const values = [5, 1, 4, 2, 3];
  assert.deepEqual([quantile(values, 0.5), quantile(values, 0.99), quantile([7], 0.5)], [3, 5, 7]);
});

test("the paths of the figures lead through the site that leaves, or around it", () => {
  assert.deepEqual(pathOf(FIGURE_9, "probe", "c"), ["source", "a", "b", "c"]);
  assert.deepEqual(pathOf(FIGURE_9, "probe", "c", "b"), ["source", "a", "c"]);
  assert.deepEqual(pathOf(FIGURE_7, "right", "e"), ["b", "c", "e"]);
  assert.deepEqual(pathOf(FIGURE_7, "right", "e", "c"), ["b", "e"]);
});

test("each site is told its one source, and ways around it only when they are asked for", () => {
  const settings = { alternatives: false, policy: "standard" };
  const input = (from: readonly string[]) => ({ input: { from } });
  assert.deepEqual(routesOf(FIGURE_9, "c", settings), {
    channels: { probe: input(["b"]) },
    reshaping: { policy: "standard" },
  });
  assert.deepEqual(routesOf(FIGURE_7, "d", { ...settings, alternatives: true }), {
    channels: { left: input(["c", "a"]), right: input(["c", "b"]) },
    reshaping: { policy: "standard" },
  });
});
