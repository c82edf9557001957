import Table from "cli-table3";
import type { Group } from "./reshape-groups.ts";
import type { EventFigure, GroupFigures } from "./reshape-run.ts";

const HEAD = [
  "",
  "lost",
  "repeated",
  "gap p50",
  "gap p99",
  "late p99",
  "between arrivals",
  "other path after",
];

/** The figures of a group, for people. */
export function reportOf(name: string, { about }: Group, figures: GroupFigures): string {
  const table = new Table({
    head: HEAD,
    style: { head: [], border: [] },
    colAligns: ["left", ...HEAD.slice(1).map(() => "right" as const)],
  });
  const skipped: string[] = [];
  for (const [event, figure] of Object.entries(figures)) {
    if ("skipped" in figure) skipped.push(`${event}: skipped, ${figure.skipped}`);
    else table.push([event, ...cellsOf(figure)]);
  }
  return [`${name}: ${about}`, table.toString(), ...skipped].join("\n");
}

function cellsOf(figure: EventFigure): string[] {
  const { gapP50Ms, gapP99Ms, interArrivalShiftMs, lateP99Ms, lost, repeated, settledP50Ms } =
    figure;
  return [
    `${lost}`,
    `${repeated}`,
    `${gapP50Ms} ms`,
    `${gapP99Ms} ms`,
    `${lateP99Ms} ms`,
    interArrivalShiftMs === null
      ? "-"
      : `${interArrivalShiftMs >= 0 ? "+" : ""}${interArrivalShiftMs} ms`,
    settledP50Ms === null ? "never" : `${settledP50Ms} ms`,
  ];
}
