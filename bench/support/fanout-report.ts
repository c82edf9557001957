import Table from "cli-table3";
import {
  ARRIVALS,
  type Arrival,
  type Comparison,
  FORWARDER_NAMES,
  type ForwarderName,
} from "./fanout-run.ts";
import type { Machine } from "./machine.ts";
import { median } from "./median.ts";
import { barChart } from "./plot.ts";

/** Ours divided by theirs; null where theirs is not on this machine. */
export type Ratio = Record<Arrival, number | null>;
type Other = Exclude<ForwarderName, "meander">;

const OTHERS = FORWARDER_NAMES.filter((name): name is Other => name !== "meander");
const TITLES: Readonly<Record<ForwarderName, string>> = {
  meander: "Meander",
  limit: "limit (C)",
  limitSendto: "C, sendto",
  dgram: "bare dgram",
  gstreamer: "GStreamer",
};
const ARRIVAL_TITLES: Readonly<Record<Arrival, string>> = {
  single: "singly",
  burst: "in bursts of 10",
};

/** Packets per CPU second of ours over those of each other. */
export function ratiosOf(comparison: Comparison): Record<Other, Ratio> {
  const entries = OTHERS.map((name) => [name, ratioOf(comparison, name)] as const);
  return Object.fromEntries(entries) as Record<Other, Ratio>;
}

/** The median over the rounds, in each of which both were measured one shortly after the other. */
function ratioOf(comparison: Comparison, other: Other): Ratio {
  const of = (arrival: Arrival): number | null => {
    const { meander, [other]: theirs } = comparison[arrival];
    if (meander === null || theirs === null) return null;
    const rounds = meander.rounds.map((ours, round) => ours / (theirs.rounds[round] ?? Number.NaN));
    return Number(median(rounds).toFixed(3));
  };
  return { single: of("single"), burst: of("burst") };
}

/** The results, for people: thousands of packets per CPU second, and what was lost. */
export function reportOf(subscribers: Readonly<Record<string, Comparison>>): string {
  const right = (count: number): "right"[] => new Array<"right">(count).fill("right");
  const table = new Table({
    head: [
      "subscribers",
      "packets come",
      ...FORWARDER_NAMES.map((name) => TITLES[name]),
      "ours / limit",
      "ours / GStreamer",
      "lost",
    ],
    style: { head: [], border: [] },
    colAligns: ["right", "left", ...right(FORWARDER_NAMES.length + 3)],
  });
  for (const [count, comparison] of Object.entries(subscribers)) {
    const ratios = ratiosOf(comparison);
    for (const arrival of ARRIVALS) {
      const results = FORWARDER_NAMES.map((name) => comparison[arrival][name]);
      table.push([
        count,
        ARRIVAL_TITLES[arrival],
        ...results.map((figure) =>
          figure === null ? "-" : `${thousands(figure.packetsPerCpuSecond)}k`,
        ),
        ratios.limit[arrival]?.toFixed(2) ?? "-",
        ratios.gstreamer[arrival]?.toFixed(2) ?? "-",
        lossOf(comparison, arrival),
      ]);
    }
  }
  return `Packets of 1200 bytes that reached UDP subscribers, per second of CPU time of the forwarding process\n${table.toString()}`;
}

/** The results in a sentence. */
export function sentenceOf(count: number, comparison: Comparison): string {
  const [single, burst] = [comparison.single.meander, comparison.burst.meander];
  const others = Object.entries(ratiosOf(comparison)).flatMap(([name, ratio]) => {
    if (ratio.single === null || ratio.burst === null) return [];
    const title = TITLES[name as Other];
    return [`${ratio.single.toFixed(2)} / ${ratio.burst.toFixed(2)} of ${title}`];
  });
  return [
    `With ${count} subscribers a site sends ${thousands(single?.packetsPerCpuSecond ?? 0)}k packets per CPU second`,
    ` that come singly and ${thousands(burst?.packetsPerCpuSecond ?? 0)}k that come in bursts: ${others.join(", ")}.`,
  ].join("");
}

/** The results as bars, an SVG document. */
export function plotOf(
  subscribers: Readonly<Record<string, Comparison>>,
  { cores, cpu, kernel, node }: Machine,
): string {
  const groups = Object.entries(subscribers).flatMap(([count, comparison]) =>
    ARRIVALS.map((arrival) => ({
      name: `${count}, ${ARRIVAL_TITLES[arrival]}`,
      comparison,
      arrival,
    })),
  );
  return barChart({
    title: "One UDP input to many UDP subscribers, packets of 1200 bytes",
    subtitle: `${cpu}, ${cores} cores, ${kernel}, Node ${node}`,
    yLabel: "packets delivered per CPU second",
    groups: groups.map(({ name }) => name),
    series: FORWARDER_NAMES.map((name) => ({
      name: TITLES[name],
      values: groups.map(({ arrival, comparison }) => {
        return comparison[arrival][name]?.packetsPerCpuSecond ?? null;
      }),
    })),
  });
}

/** What each forwarder lost, if anything. */
function lossOf(comparison: Comparison, arrival: Arrival): string {
  const lossy = FORWARDER_NAMES.flatMap((name) => {
    const figure = comparison[arrival][name];
    if (figure === null || figure.delivered === figure.expected) return [];
    return [`${TITLES[name]} ${((1 - figure.delivered / figure.expected) * 100).toFixed(2)} %`];
  });
  return lossy.length === 0 ? "0" : lossy.join(", ");
}

function thousands(packets: number): string {
  return (packets / 1_000).toFixed(1);
}
