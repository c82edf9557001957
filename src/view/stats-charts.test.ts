import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatsView } from "../client/contract/index.ts";
import { formatReading, readingsOf, statsCharts } from "./stats-charts.ts";

type Series = StatsView["series"][number];

function viewOf(series: readonly Partial<Series>[]): StatsView {
  const whole = series.map((each) => ({
    ...{ name: "", title: each.name ?? "", unit: "1/s" as const, values: [1, null, 3] },
    ...each,
  }));
  return { site: "north", channel: null, from: 0, stepMs: 1_000, channels: [], series: whole };
}

test("series that belong together share a chart, and what is not there is left out", () => {
  const charts = statsCharts(
    viewOf([
      { name: "cpu", unit: "share" },
      { name: "bits-out", unit: "bit/s" },
      { name: "bits-in", unit: "bit/s" },
      { name: "odd" },
    ]),
  );
  assert.deepEqual(
    charts.map(({ title, unit, lines }) => [title, unit, lines.map(({ name }) => name)]),
    [
      ["Flow", "bit/s", ["bits-in", "bits-out"]],
      ["CPU", "share", ["cpu"]],
    ],
  );
});

test("beside the sum of drops stand the reasons that dropped most", () => {
  const [chart] = statsCharts(
    viewOf([
      { name: "drops", values: [10] },
      { name: "drops.lost", values: [1] },
      { name: "drops.calm", values: [0, null] },
      ...[5, 4, 3].map((most) => ({ name: `drops.r${most}`, values: [null, most] })),
    ]),
  );
  assert.deepEqual(
    chart?.lines.map(({ title }) => title),
    ["drops", "r5", "r4", "r3"],
  );
});

test("readings have the unit of their series, and a sign for nothing", () => {
  assert.equal(formatReading("bit/s", 2.4e6), "2.40 Mb/s");
  assert.equal(formatReading("1/s", 12.4), "12/s");
  assert.equal(formatReading("share", 0.42), "42 %");
  assert.equal(formatReading("bytes", 84.2e6), "84.2 MB");
  assert.equal(formatReading("ms", null), "–");
  assert.deepEqual(readingsOf([null, 2, 4, null]), { last: 4, mean: 3, most: 4 });
  assert.deepEqual(readingsOf([null]), { last: null, mean: null, most: null });
});
