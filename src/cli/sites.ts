import type { Command } from "commander";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { urlOf } from "./site-named.ts";
import { openTerminal, table } from "./terminal.ts";

/** `meander sites` */
export function addSites(program: Command): void {
  withSite(program.command("sites").description("list the sites of the session")).action(
    async (options: SiteArguments) => {
      const terminal = openTerminal(options.json === true);
      const { sites, directory } = await clientOf(options).session();
      terminal.show(sites, () =>
        table(
          terminal.paint,
          ["NAME", "ADDRESS", "UDP", "ROLE", "PID"],
          sites.map(({ name, http, tls, udp, leader, pid }) => [
            terminal.paint("bold", name),
            `${urlOf(http, tls !== undefined)}/`,
            `${udp.port}`,
            leader ? "leader" : "relay",
            `${pid}`,
          ]),
        ),
      );
      if (directory === "disconnected")
        terminal.note("the directory cannot be reached; this is what the site knew last");
    },
  );
}
