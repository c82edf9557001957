import type { Command } from "commander";
import type { Inspection } from "../../session/shell/index.ts";
import { type SiteArguments, withSite } from "../arguments.ts";
import { formatDurability } from "../durability.ts";
import { withShell } from "../shell-of.ts";
import { openTerminal, type Paint, table } from "../terminal.ts";
import { formatMs, formatShort, formatValue, jsonOf } from "../value-text.ts";
import { deadLetterRows, deathLines, jsonOfDeadLetter } from "./dead-letters.ts";

/** `meander stream inspect` */
export function addInspect(stream: Command): void {
  withSite(
    stream
      .command("inspect")
      .description("a stream from inside: mailbox, windows, dead letters, briefcases")
      .argument("<name>", "the stream"),
  ).action(async (name: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const inspection = await withShell(options, (shell) => shell.inspect(name));
    terminal.show(jsonOfInspection(inspection), () => formatInspection(inspection, terminal.paint));
  });
}

/** The same, with briefcases and dead letters as JSON has them. */
export function jsonOfInspection(inspection: Inspection): object {
  return {
    ...inspection,
    deadLetters: inspection.deadLetters.map(jsonOfDeadLetter),
    briefcases: jsonOf(inspection.briefcases),
  };
}

/** Sections of tables; those without rows are left out. */
export function formatInspection(inspection: Inspection, paint: Paint): string {
  const { mailbox, waiting, senders, receivers, deadLetters, counts, briefcases } = inspection;
  const more = waiting - mailbox.length;
  const section = (title: string, head: string[], rows: string[][]): string[] =>
    rows.length === 0 ? [] : ["", paint("cyan", title), table(paint, head, rows)];
  return [
    headOf(inspection, paint),
    ...haltOf(inspection, paint),
    ...currentOf(inspection.current, paint),
    ...section(
      `mailbox (${waiting} waiting)`,
      ["MESSAGE", "BYTES"],
      mailbox.map(({ id, bytes }) => [id, `${bytes}`]),
    ),
    ...(more > 0 ? [paint("dim", `and ${more} more`)] : []),
    ...section(
      "senders",
      ["NAME", "CONSUMED"],
      senders.map(({ name, consumed }) => [name, `${consumed}`]),
    ),
    ...section(
      "receivers",
      ["NAME", "NEXT", "UNACKNOWLEDGED", "WINDOW", "ROUND TRIP"],
      receivers.map(({ name, next, unacknowledged, window, roundTripMs }) => [
        name,
        `${next}`,
        `${unacknowledged}`,
        `${window}`,
        formatMs(roundTripMs),
      ]),
    ),
    ...section(
      "dead letters",
      ["MESSAGE", "ATTEMPTS", "ERROR", "VALUE"],
      deadLetterRows(deadLetters),
    ),
    ...deathLines(deadLetters, paint),
    ...section(
      "counts",
      ["WHAT", "COUNT"],
      Object.entries(counts).map(([name, count]) => [name, `${count}`]),
    ),
    ...Object.entries(briefcases).flatMap(([agent, content]) => [
      "",
      paint("cyan", `briefcase of ${agent}`),
      formatValue(content),
    ]),
  ].join("\n");
}

function headOf(inspection: Inspection, paint: Paint): string {
  const { name, site, streamEpoch, status, why, durability, failureManagers, agents } = inspection;
  const state = status === "live" ? paint("green", "live") : paint("yellow", `lost: ${why ?? ""}`);
  return [
    `${paint("bold", name)} ${state} at ${site}, epoch ${streamEpoch}`,
    `durability ${formatDurability(durability)}`,
    ...Object.entries(inspection.authors ?? {}).map(([agent, by]) => `${agent} is signed by ${by}`),
    ...(failureManagers.length === 0 ? [] : [`failure managers ${failureManagers.join(", ")}`]),
    agents.length === 0 ? "no agents" : `agents ${agents.join(", ")}`,
  ].join(", ");
}

function haltOf({ halted }: Inspection, paint: Paint): string[] {
  if (halted === undefined) return [];
  return [
    paint("red", `halted with its site's other streams: ${halted}`),
    "  `meander stream resume` has them go on",
  ];
}

function currentOf(current: Inspection["current"], paint: Paint): string[] {
  if (current === undefined) return [];
  const { id, attempt, state, forMs, error } = current;
  const colour = state === "running" ? "green" : state === "retrying" ? "yellow" : "red";
  const line = `${id} ${paint(colour, state)} for ${formatMs(forMs)}, attempt ${attempt}`;
  const trouble = error === undefined ? [] : [`  ${formatShort(error, 200)}`];
  return ["", paint("cyan", "current message"), line, ...trouble];
}
