import type { Command } from "commander";
import { type SiteArguments, withSite } from "../arguments.ts";
import { parseDurability } from "../durability.ts";
import { withShell } from "../shell-of.ts";
import { openTerminal } from "../terminal.ts";
import { parseNames } from "../value-text.ts";

interface Arguments extends SiteArguments {
  readonly at?: string;
  readonly durability: string;
  readonly failureManagers: string;
}

/** `meander stream create` */
export function addCreate(stream: Command): void {
  withSite(
    stream
      .command("create")
      .description("create a stream")
      .argument("<name>", "its name, one in the session")
      .option("--at <site>", "site to put it on (the one that answers)")
      .option(
        "--durability <kind>",
        "what survives the crash of its site: none, checkpoint:N (its state after every N messages) or message (everything)",
        "none",
      )
      .option(
        "--failure-managers <sites>",
        "sites to take it over, best first, divided by commas; the leader is the last",
        "",
      ),
  ).action(async (name: string, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const { at } = options;
    const durability = parseDurability(options.durability, "--durability");
    const failureManagers = parseNames(options.failureManagers);
    const site = await withShell(options, async (shell) => {
      const created = await shell.createStream(name, { at, durability, failureManagers });
      return created.location();
    });
    terminal.show({ name, site, durability, failureManagers }, () => `${name} is at ${site}`);
  });
}
