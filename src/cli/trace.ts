import type { Command } from "commander";
import { LIMITS } from "../base/index.ts";
import type { LinkTrace } from "../client/contract/index.ts";
import { KIND } from "../wire/index.ts";
import { clientOf, type SiteArguments, wholeNumber, withSite } from "./arguments.ts";
import { openTerminal, type Paint, table } from "./terminal.ts";

const LAST_DEFAULT = 40;
const HINT =
  "no link has a trace module in its stack; configure a stack such as frag:trace:udp with `meander config set`";

/** `meander trace` */
export function addTrace(program: Command): void {
  withSite(
    program
      .command("trace")
      .description("the last packets of links whose stack has a trace module, such as trace:udp")
      .option("--link <site>", "only links to that site")
      .option("--last <count>", `packets of each link (${LAST_DEFAULT})`),
  ).action(async (options: SiteArguments & { readonly link?: string; readonly last?: string }) => {
    const terminal = openTerminal(options.json === true);
    const last = wholeNumber(options.last, "--last", 1, LIMITS.traceEventsMax) ?? LAST_DEFAULT;
    const { site, links } = await clientOf(options).trace(last, options.link);
    if (terminal.json) {
      if (links.length === 0) terminal.write(`${JSON.stringify(emptyTrace(site))}\n`);
      for (const link of links) terminal.write(traceLines(site, link));
      return;
    }
    if (links.length === 0) terminal.note(`${site}: ${HINT}`);
    terminal.write(links.map((link) => `${traceTable(link, terminal.paint)}\n`).join("\n"));
  });
}

/** For programs that read a trace where nothing is traced: a head without a link, which says what to do. */
export function emptyTrace(site: string): object {
  return { qlog_format: "JSON-SEQ", trace: { vantage_point: site, count: 0 }, hint: HINT };
}

/** One JSON value on each line, as qlog has them: what is traced, then what passed. */
export function traceLines(site: string, { link, stack, peer, count, events }: LinkTrace): string {
  const head = {
    qlog_format: "JSON-SEQ",
    trace: { vantage_point: site, link, stack, peer, count },
  };
  const lines = events.map(({ at, direction, kind, ...rest }) => ({
    time: Number(at.toFixed(3)),
    name: direction === "sent" ? "meander:packet_sent" : "meander:packet_received",
    data: { link, kind: kindName(kind), ...rest },
  }));
  return [head, ...lines].map((each) => `${JSON.stringify(each)}\n`).join("");
}

/** For people: times from the first packet shown. */
export function traceTable({ link, stack, peer, count, events }: LinkTrace, paint: Paint): string {
  const head = `${paint("bold", link === "" ? peer : link)} over ${stack} at ${peer}: ${count} packets, the last ${events.length}:`;
  const start = events[0]?.at ?? 0;
  const rows = events.map((each) => [
    (each.at - start).toFixed(1),
    each.direction === "sent" ? paint("cyan", "->") : paint("green", "<-"),
    kindName(each.kind),
    `${each.channel}`,
    each.source.toString(16).padStart(8, "0"),
    `${each.medium}`,
    `${each.sequence}`,
    each.flags === 0 ? "" : `0x${each.flags.toString(16)}`,
    `${each.length}`,
  ]);
  const columns = ["ms", "", "kind", "channel", "source", "medium", "sequence", "flags", "bytes"];
  return `${head}\n${table(paint, columns, rows)}`;
}

function kindName(kind: number): string {
  return Object.entries(KIND).find(([, value]) => value === kind)?.[0] ?? `kind ${kind}`;
}
