import type { Command } from "commander";
import { type SiteArguments, wholeNumber, withSite } from "../arguments.ts";
import { withShell } from "../shell-of.ts";
import { openTerminal } from "../terminal.ts";
import { formatMs } from "../value-text.ts";

/** `meander stream move` */
export function addMove(stream: Command): void {
  withSite(
    stream
      .command("move")
      .description("move a stream with its agents to another site")
      .argument("<name>", "the stream")
      .argument("<site>", "where to")
      .option("--deadline <ms>", "give the move up after this time; the stream stays where it is"),
  ).action(
    async (name: string, site: string, options: SiteArguments & { readonly deadline?: string }) => {
      const terminal = openTerminal(options.json === true);
      const deadlineMs = wholeNumber(options.deadline, "--deadline", 1, 3_600_000);
      terminal.progress(`moving ${name} to ${site}…`);
      const moved = await withShell(options, (shell) =>
        shell.move(name, site, deadlineMs === undefined ? {} : { deadlineMs }),
      );
      terminal.show({ name, ...moved }, ({ from, to, ms, streamEpoch }) =>
        from === to
          ? `${name} is at ${to} already`
          : `${name} moved from ${from} to ${to} in ${formatMs(ms)} (epoch ${streamEpoch})`,
      );
    },
  );
}
