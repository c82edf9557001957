import type { Command } from "commander";
import { type SiteArguments, withSite } from "../arguments.ts";
import { formatEvent, parseEventTypes } from "../event-line.ts";
import { openShell } from "../shell-of.ts";
import { openTerminal } from "../terminal.ts";

/** `meander stream watch` */
export function addWatch(stream: Command): void {
  withSite(
    stream
      .command("watch")
      .description("print what happens to streams, one line each, until Ctrl-C")
      .argument("[name]", "only of this stream")
      .option("--type <types>", "only events of these types, divided by commas"),
  ).action(
    async (name: string | undefined, options: SiteArguments & { readonly type?: string }) => {
      const terminal = openTerminal(options.json === true);
      const types =
        options.type === undefined ? undefined : parseEventTypes(options.type, "--type");
      const shell = await openShell(options);
      const finish = (): void => void shell.close();
      process.once("SIGINT", finish).once("SIGTERM", finish);
      try {
        // An unknown stream would be watched in silence.
        if (name !== undefined) await shell.open(name);
        terminal.note(`watching ${name ?? "all streams"} from ${shell.site}; Ctrl-C ends it`);
        for await (const event of shell.events({ stream: name, types })) {
          terminal.show(event, () => formatEvent(event, terminal.paint));
        }
      } finally {
        process.off("SIGINT", finish).off("SIGTERM", finish);
        await shell.close();
      }
    },
  );
}
