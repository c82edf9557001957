import type { Command } from "commander";
import { type SiteArguments, withSite } from "../arguments.ts";
import { withShell } from "../shell-of.ts";
import { openTerminal } from "../terminal.ts";

/** `meander stream destroy` */
export function addDestroy(stream: Command): void {
  withSite(
    stream
      .command("destroy")
      .description("destroy a stream, its agents and what waits in its mailbox")
      .argument("<name>", "the stream"),
  ).action(async (name: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    await withShell(options, (shell) => shell.destroy(name));
    terminal.show({ destroyed: name }, () => `${name} is destroyed`);
  });
}
