import type { Machine } from "./machine.ts";
import { lineChart } from "./plot.ts";
import type { Outcome } from "./reshape-experiment.ts";

/** A figure of the paper, and what it shows here. */
export interface PlotOf {
  /** Of the paper. */
  readonly figure: number;
  readonly title: string;
}

/** By group and policy, what is drawn from its outcome. */
export const PLOTS: Readonly<Record<string, PlotOf>> = {
  "1.2Mx1 steady": { figure: 11, title: "Nothing happens: 1.2 Mbit/s, 30 packets per second" },
  "1.2Mx1 naive": { figure: 12, title: "A relay stops at once, and returns" },
  "1.2Mx1 standard": { figure: 13, title: "A relay leaves in order, and returns" },
  "busy standard": {
    figure: 14,
    title: "A relay leaves and returns while all processors are busy",
  },
  "45kx1 standard": {
    figure: 15,
    title: "A relay leaves and returns: 45 kbit/s, 25 packets per second",
  },
};

/** Shown before the first event, and at most in all, ms. */
const BEFORE_MS = 1_000;
const SPAN_MS_MAX = 40_000;

/**
 * The times between arrivals at one receiver over time, an SVG document. Upright lines: a relay leaves; dashed: packets
 * come by it again.
 */
export function plotOutcome(
  { title }: PlotOf,
  { arrivals, events }: Outcome,
  machine: Machine,
): string {
  const start = (events[0]?.fromMs ?? 0) - BEFORE_MS;
  const end = Math.min(events.at(-1)?.toMs ?? start, start + SPAN_MS_MAX);
  const shown = (arrivals[0] ?? []).filter(
    ({ atMs, sinceMs }) => atMs >= start && atMs <= end && !Number.isNaN(sinceMs),
  );
  const secondsOf = (ms: number): number => (ms - start) / 1000;
  const points = shown.map(({ atMs, sinceMs }) => [secondsOf(atMs), sinceMs] as const);
  const marks = events.flatMap(({ event, fromMs, settledMs }) => {
    if (/leave/i.test(event)) return [{ x: secondsOf(fromMs) }];
    if (!/return/i.test(event) || settledMs === undefined) return [];
    return [{ x: secondsOf(fromMs + settledMs), dashed: true }];
  });
  const { cores, cpu, node } = machine;
  const lines = marks.length === 0 ? "" : "line: it leaves; dashed: packets come by it again. ";
  return lineChart({
    title,
    subtitle: `${lines}${cpu}, ${cores} cores, Node ${node}`,
    xLabel: "seconds",
    yLabel: "ms between arrivals",
    series: [{ name: "at the last site's subscriber", points }],
    marks: marks.filter(({ x }) => x <= secondsOf(end)),
  });
}
