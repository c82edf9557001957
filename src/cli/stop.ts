import type { Command } from "commander";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { openTerminal } from "./terminal.ts";

/** `meander stop` */
export function addStop(program: Command): void {
  withSite(program.command("stop").description("stop the site in order")).action(
    async (options: SiteArguments) => {
      const terminal = openTerminal(options.json === true);
      const client = clientOf(options);
      const { self } = await client.session();
      await client.stop();
      terminal.show({ stopping: self }, () => `${self} stops`);
    },
  );
}
