import type { StatsView } from "../client/contract/index.ts";
import {
  formatBitRate,
  formatBytes,
  formatCount,
  formatMs,
  formatShare,
  UNKNOWN,
} from "./format.ts";

/** The unit of a series. */
export type StatsUnit = StatsView["series"][number]["unit"];

/** Series that are drawn over each other: they have one unit. */
export interface StatsChart {
  readonly title: string;
  readonly unit: StatsUnit;
  readonly lines: StatsView["series"];
}

/** What belongs together, in the order in which it is shown. What a view does not have is left out. */
const GROUPS: readonly { readonly title: string; readonly names: readonly string[] }[] = [
  { title: "Flow", names: ["bits-in", "bits-out"] },
  { title: "Subscribers", names: ["subscribers", "viewers"] },
  { title: "Latency", names: ["latency", "jitter"] },
  { title: "Slowest subscriber", names: ["lag"] },
  { title: "Drops", names: ["drops"] },
  { title: "CPU", names: ["cpu"] },
  { title: "Work waits", names: ["loop-plane", "loop-main"] },
  { title: "Memory", names: ["rss"] },
  { title: "Descriptors", names: ["descriptors"] },
  { title: "Streams", names: ["streams"] },
];
const REASON = "drops.";
/** Reasons drawn beside the sum: those that dropped most. */
const REASON_COUNT_MAX = 3;

/** The charts of a site or a channel. */
export function statsCharts({ series }: StatsView): readonly StatsChart[] {
  return GROUPS.flatMap(({ title, names }) => {
    const lines = names.flatMap((name) => series.filter((each) => each.name === name));
    const all = names.includes("drops") ? [...lines, ...worstReasons(series)] : lines;
    const unit = all[0]?.unit;
    return unit === undefined ? [] : [{ title, unit, lines: all }];
  });
}

/** A value in its unit. */
export function formatReading(unit: StatsUnit, value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  switch (unit) {
    case "bit/s":
      return formatBitRate(value);
    case "1/s":
      return `${formatCount(value)}/s`;
    case "ms":
      return formatMs(value);
    case "bytes":
      return formatBytes(value);
    case "share":
      return formatShare(value);
    case "count":
      return formatCount(value);
  }
}

/** The newest value of a series, and the largest. */
export function readingsOf(values: readonly (number | null)[]): {
  readonly last: number | null;
  readonly mean: number | null;
  readonly most: number | null;
} {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return { last: null, mean: null, most: null };
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return { last: known.at(-1) ?? null, mean, most: Math.max(...known) };
}

function worstReasons(series: StatsView["series"]): StatsView["series"] {
  return series
    .filter(({ name }) => name.startsWith(REASON))
    .map((each) => ({ each, most: readingsOf(each.values).most ?? 0 }))
    .filter(({ most }) => most > 0)
    .sort((a, b) => b.most - a.most)
    .slice(0, REASON_COUNT_MAX)
    .map(({ each }) => ({ ...each, title: each.name.slice(REASON.length) }));
}
