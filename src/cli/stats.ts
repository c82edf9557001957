import type { Command } from "commander";
import { DURATION_EXPECTED, formatDuration, MeanderError, parseDuration } from "../base/index.ts";
import type { StatsView } from "../client/contract/index.ts";
import { formatReading, readingsOf } from "../view/index.ts";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { siteNamed } from "./site-named.ts";
import { sparkline } from "./sparkline.ts";
import { openTerminal, type Terminal, table } from "./terminal.ts";

interface Arguments extends SiteArguments {
  readonly since: string;
  readonly at?: string;
  readonly csv?: boolean;
}

const LINE_WIDTH = 60;

/** `meander stats` */
export function addStats(program: Command): void {
  withSite(
    program
      .command("stats")
      .description(
        "show the history of the site, or of a channel: rates and gauges of up to a week",
      )
      .argument("[channel]", "the channel; without one, the site itself")
      .option("--since <time>", "how far back: 10m, 2h, 24h, 7d", "10m")
      .option("--at <name>", "another site of the session")
      .option("--csv", "print a table for programs: one line for each time"),
  ).action(async (channel: string | undefined, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    if (parseDuration(options.since) === undefined) {
      throw new MeanderError("arguments-invalid", `got ${JSON.stringify(options.since)}`, {
        where: "argument --since",
        expected: DURATION_EXPECTED,
      });
    }
    const client =
      options.at === undefined ? clientOf(options) : (await siteNamed(options, options.at)).client;
    const view = await client.stats(options.since, channel);
    if (view.series.length === 0 && channel !== undefined) {
      throw new MeanderError("channel-unknown", `${view.site} has no history of that channel`, {
        where: `channel ${channel}`,
        expected:
          view.channels.length === 0 ? "a channel that was there" : view.channels.join(", "),
      });
    }
    if (options.csv === true && !terminal.json) terminal.write(csvOf(view));
    else terminal.show(view, () => describe(terminal, view, options.since));
  });
}

function describe({ paint }: Terminal, view: StatsView, since: string): string {
  const { site, channel, stepMs, series, channels } = view;
  const what = channel === null ? paint("bold", site) : `${paint("bold", channel)} at ${site}`;
  const head = `${what}, the last ${since}, by ${formatDuration(stepMs)}`;
  const rows = series.map(({ title, unit, values }) => {
    const { last, mean, most } = readingsOf(values);
    return [
      title,
      paint("cyan", sparkline(values, LINE_WIDTH)),
      ...[last, mean, most].map((value) => formatReading(unit, value)),
    ];
  });
  const lines = [head, "", table(paint, ["", "OLD TO NEW", "LAST", "MEAN", "MOST"], rows)];
  if (channel === null && channels.length > 0) {
    lines.push("", `${paint("cyan", "channels")} ${channels.join(", ")}`);
  }
  return lines.join("\n");
}

/** RFC 4180, times as in ISO 8601; nothing between commas where there is no value. */
function csvOf({ from, stepMs, series }: StatsView): string {
  const length = Math.max(0, ...series.map(({ values }) => values.length));
  const head = ["time", ...series.map(({ name }) => name)].join(",");
  const lines = Array.from({ length }, (_, index) => {
    const time = new Date(from + index * stepMs).toISOString();
    return [time, ...series.map(({ values }) => values[index] ?? "")].join(",");
  });
  return `${[head, ...lines].join("\n")}\n`;
}
