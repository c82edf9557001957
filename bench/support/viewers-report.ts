import Table from "cli-table3";
import type { ViewersFigure } from "./viewers-run.ts";

/** The figures for people. */
export function reportOf(
  figures: Readonly<Record<string, Readonly<Record<string, ViewersFigure>>>>,
): string {
  const table = new Table({
    head: ["load", "over", "CPU", "C", "ours / C", "lost", "late p99", "C late p99", "memory"],
    style: { head: [], border: [] },
    colAligns: ["left", "left", ...new Array<"right">(7).fill("right")],
  });
  for (const [protocol, loads] of Object.entries(figures)) {
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

/** The figures over TCP in a sentence. */
export function sentenceOf(loads: Readonly<Record<string, ViewersFigure>>): string {
  return Object.entries(loads)
    .map(([load, { cpuShare, lost, ratioToC }]) => {
      const loss = lost === 0 ? "no loss" : `${lost} packets lost`;
      return `${load}: ${percent(cpuShare)} of a core, ${ratioToC.toFixed(2)} times C, ${loss}.`;
    })
    .join(" ");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
