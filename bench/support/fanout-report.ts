import Table from "cli-table3";
import {
  ARRIVALS,
  type Arrival,
  type Comparison,
  FORWARDER_NAMES,
  type ForwarderName,
} from "./fanout-run.ts";

/** Ours divided by theirs; null where theirs is not on this machine. */
export type Ratio = Record<Arrival, number | null>;

const TITLES: Readonly<Record<ForwarderName, string>> = {
  meander: "Meander",
  limitDgram: "bare dgram",
  limitC: "C",
  gstreamer: "GStreamer",
};

/** Packets per CPU second of ours over those of another. */
export function ratioOf(comparison: Comparison, other: ForwarderName): Ratio {
  const of = (arrival: Arrival): number | null => {
    const { meander, [other]: theirs } = comparison[arrival];
    if (meander === null || theirs === null) return null;
    return Number((meander.packetsPerCpuSecond / theirs.packetsPerCpuSecond).toFixed(3));
  };
  return { single: of("single"), burst: of("burst") };
}

/** The figures for people: thousands of packets per CPU second, and what was lost. */
export function reportOf(subscribers: Readonly<Record<string, Comparison>>): string {
  const table = new Table({
    head: [
      "subscribers",
      "packets come",
      ...FORWARDER_NAMES.map((name) => TITLES[name]),
      "ours / bare dgram",
      "lost",
    ],
    style: { head: [], border: [] },
    colAligns: ["right", "left", ...FORWARDER_NAMES.map(() => "right" as const), "right", "right"],
  });
  for (const [count, comparison] of Object.entries(subscribers)) {
    const ratio = ratioOf(comparison, "limitDgram");
    for (const arrival of ARRIVALS) {
      const figures = FORWARDER_NAMES.map((name) => comparison[arrival][name]);
      table.push([
        count,
        arrival === "single" ? "singly" : "in bursts of 10",
        ...figures.map((figure) =>
          figure === null ? "-" : `${thousands(figure.packetsPerCpuSecond)}k`,
        ),
        ratio[arrival]?.toFixed(2) ?? "-",
        lossOf(comparison, arrival),
      ]);
    }
  }
  return `Packets of 1200 bytes that reached UDP subscribers, per second of CPU time of the forwarding process\n${table.toString()}`;
}

/** The figures in a sentence. */
export function sentenceOf(count: string, comparison: Comparison): string {
  const [single, burst] = [comparison.single.meander, comparison.burst.meander];
  const others = FORWARDER_NAMES.filter((name) => name !== "meander").flatMap((name) => {
    const ratio = ratioOf(comparison, name);
    if (ratio.single === null || ratio.burst === null) return [];
    return [`${ratio.single.toFixed(2)} / ${ratio.burst.toFixed(2)} of ${TITLES[name]}`];
  });
  return [
    `With ${count} subscribers a site sends ${thousands(single?.packetsPerCpuSecond ?? 0)}k packets per CPU second`,
    ` that come singly and ${thousands(burst?.packetsPerCpuSecond ?? 0)}k that come in bursts: ${others.join(", ")}.`,
  ].join("");
}

/** Of whoever lost something, how much. */
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
