import Table from "cli-table3";
import type { Machine } from "./machine.ts";
import { barChart } from "./plot.ts";
import type { ViewersFigure } from "./viewers-run.ts";

/** The results, for people. */
export function reportOf(
  results: Readonly<Record<string, Readonly<Record<string, ViewersFigure>>>>,
): string {
  const table = new Table({
    head: ["load", "over", "CPU", "C", "ours / C", "lost", "late p99", "C late p99", "memory"],
    style: { head: [], border: [] },
    colAligns: ["left", "left", ...new Array<"right">(7).fill("right")],
  });
  for (const [protocol, loads] of Object.entries(results)) {
    for (const [load, figure] of Object.entries(loads)) {
      table.push([
        load,
        protocol,
        percent(figure.cpuShare),
        percent(figure.c.cpuShare),
        figure.ratioToC.toFixed(2),
        `${figure.lost}`,
        `${figure.lateP99Ms.toFixed(1)} ms`,
        `${figure.c.lateP99Ms.toFixed(1)} ms`,
        `${figure.rssMb.toFixed(0)} MB`,
      ]);
    }
  }
  return `CPU time of the whole process in percent of one core, beside a C program with one write per frame and viewer\n${table.toString()}`;
}

/** The results over TCP in a sentence. */
export function sentenceOf(loads: Readonly<Record<string, ViewersFigure>>): string {
  return Object.entries(loads)
    .map(([load, { cpuShare, lost, ratioToC }]) => {
      const loss = lost === 0 ? "no loss" : `${lost} packets lost`;
      return `${load}: ${percent(cpuShare)} of a core, ${ratioToC.toFixed(2)} times C, ${loss}.`;
    })
    .join(" ");
}

/** The CPU time of both as bars, an SVG document. */
export function plotOf(
  results: Readonly<Record<string, Readonly<Record<string, ViewersFigure>>>>,
  { cores, cpu, kernel, node }: Machine,
): string {
  const bars = Object.entries(results).flatMap(([protocol, loads]) =>
    Object.entries(loads).map(([load, figure]) => ({
      // Of its length only this fits below a bar.
      name: `${load} ${protocol === "websocket" ? "ws" : protocol}`,
      figure,
    })),
  );
  const inPercent = (share: number): number => Number((share * 100).toFixed(1));
  return barChart({
    title: "What a crowd of viewers over TCP and WebSocket (ws) costs",
    subtitle: `${cpu}, ${cores} cores, ${kernel}, Node ${node}`,
    yLabel: "percent of one core",
    groups: bars.map(({ name }) => name),
    series: [
      { name: "Meander", values: bars.map(({ figure }) => inPercent(figure.cpuShare)) },
      { name: "limit (C)", values: bars.map(({ figure }) => inPercent(figure.c.cpuShare)) },
    ],
  });
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
