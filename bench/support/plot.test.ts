import assert from "node:assert/strict";
import { test } from "node:test";
import { barChart, lineChart } from "./plot.ts";
import { axisMaximum, axisSteps, compact } from "./plot-axis.ts";

const BARS = {
  title: "A < B",
  yLabel: "things",
  groups: ["one", "two"],
  series: [
    { name: "ours", values: [10, 20] },
    { name: "theirs", values: [5, null] },
  ],
};

function heights(svg: string): number[] {
  return [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)"/g)]
    .map(([, height]) => Number(height))
    .filter((height) => height !== 12);
}

test("bars are as high as their values, and what was not measured has none", () => {
  const [first, second, third, ...rest] = heights(barChart(BARS)) as [number, number, number];
  assert.equal(rest.length, 0);
  assert.ok(Math.abs(first / second - 2) < 0.01);
  assert.ok(Math.abs(third / first - 2) < 0.01);
});

test("text cannot end the markup", () => {
  const svg = barChart(BARS);
  assert.ok(svg.includes("A &lt; B"));
  assert.ok(!svg.includes("A < B"));
});

test("lines go through their points, equal ratios apart where the axis says so", () => {
  const series = [
    {
      name: "ours",
      points: [
        [10, 1],
        [100, 2],
        [1_000, 4],
      ] as const,
    },
  ];
  const svg = lineChart({ title: "t", yLabel: "y", xLabel: "x", xLog: true, series });
  const points = /<polyline points="([^"]+)"/.exec(svg)?.[1]?.split(" ") ?? [];
  const xs = points.map((point) => Number(point.split(",")[0]));
  assert.equal(points.length, 3);
  const [a, b, c] = xs as [number, number, number];
  assert.ok(Math.abs(c - b - (b - a)) < 0.2);
});

test("instants are upright lines at their place", () => {
  const series = [
    {
      name: "ours",
      points: [
        [0, 1],
        [10, 2],
      ] as const,
    },
  ];
  const marks = [{ x: 0 }, { x: 5, dashed: true }, { x: 10 }];
  const svg = lineChart({ title: "t", yLabel: "y", xLabel: "x", series, marks });
  const lines = [
    ...svg.matchAll(/<line x1="([\d.]+)" x2="([\d.]+)" y1[^>]*?stroke="#222222"([^>]*)/g),
  ];
  const [left = 0, middle = 0, right = 0] = lines.map(([, x1, x2]) => {
    assert.equal(x1, x2);
    return Number(x1);
  });
  assert.equal(lines.length, 3);
  assert.ok(Math.abs(middle - (left + right) / 2) < 0.2 && left < right);
  assert.deepEqual(
    lines.map(([, , , rest]) => rest?.includes("dash")),
    [false, true, false],
  );
});

test("axes end at round numbers at or above all values", () => {
  assert.deepEqual(
    [97, 660_000, 7, 0].map((value) => axisMaximum([value])),
    [100, 700_000, 7, 1],
  );
  assert.deepEqual(axisSteps(0, 100), [0, 25, 50, 75, 100]);
  assert.deepEqual([950, 12_345, 1_250_000, 0.951].map(compact), ["950", "12.3k", "1.25M", "0.95"]);
});
