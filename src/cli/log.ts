import type { Command } from "commander";
import { formatDuration, MeanderError, SystemClock } from "../base/index.ts";
import type { LogLevel, LogLevelView } from "../client/contract/index.ts";
import { durationOf, type SiteArguments, withSite } from "./arguments.ts";
import { siteNamed } from "./site-named.ts";
import { openTerminal } from "./terminal.ts";

const LEVELS: readonly string[] = ["debug", "info", "warn", "error", "silent"];

/** `meander log` */
export function addLog(program: Command): void {
  withSite(
    program
      .command("log")
      .description("show or change what a running site logs")
      .argument("<name>", "the site")
      .argument("[level]", `least level that is logged: ${LEVELS.join(", ")}`)
      .option("--for <time>", "go back to the level before after this time, such as 10m"),
  ).action(
    async (
      name: string,
      level: string | undefined,
      options: SiteArguments & { readonly for?: string },
    ) => {
      const terminal = openTerminal(options.json === true);
      if (level !== undefined && !LEVELS.includes(level)) {
        throw new MeanderError("arguments-invalid", `got ${JSON.stringify(level)}`, {
          where: "argument level",
          expected: LEVELS.join(", "),
        });
      }
      if (level === undefined && options.for !== undefined) {
        throw new MeanderError("arguments-invalid", "a time without a level", {
          where: "argument --for",
          expected: `a level before it: ${LEVELS.join(", ")}`,
        });
      }
      const forMs = options.for === undefined ? undefined : durationOf(options.for, "--for");
      const { client } = await siteNamed(options, name);
      const view =
        level === undefined
          ? await client.logLevel()
          : await client.setLogLevel(level as LogLevel, forMs);
      terminal.show({ site: name, ...view }, () => describe(name, view));
    },
  );
}

function describe(site: string, { level, revertsTo, revertsAt }: LogLevelView): string {
  const now = `${site} logs ${level === "silent" ? "nothing" : `from ${level} on`}`;
  if (revertsTo === null || revertsAt === null) return now;
  const seconds = Math.max(0, Math.round((revertsAt - new SystemClock().wall()) / 1000));
  return `${now}; back to ${revertsTo} in ${formatDuration(seconds * 1000)}`;
}
