import type { Command } from "commander";
import { type SiteArguments, withSite } from "./arguments.ts";
import { formatDurability } from "./durability.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, table } from "./terminal.ts";

/** `meander streams` */
export function addStreams(program: Command): void {
  withSite(
    program.command("streams").description("list the streams of the session, and where they are"),
  ).action(async (options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const { paint } = terminal;
    const streams = await withShell(options, (shell) => shell.streams());
    terminal.show(streams, () =>
      table(
        paint,
        ["NAME", "AT", "EPOCH", "AGENTS", "DURABILITY", "STATUS"],
        streams.map(({ name, site, streamEpoch, agents, durability, status, why }) => [
          paint("bold", name),
          site,
          `${streamEpoch}`,
          agents.join(" "),
          formatDurability(durability),
          status === "live" ? paint("green", "live") : paint("yellow", `lost: ${why ?? ""}`),
        ]),
      ),
    );
  });
}
