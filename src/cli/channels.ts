import type { Command } from "commander";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { openTerminal, table } from "./terminal.ts";

/** `meander channels` */
export function addChannels(program: Command): void {
  withSite(
    program
      .command("channels")
      .description("list the channels of the session, and their state at the site"),
  ).action(async (options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const client = clientOf(options);
    const [{ channels }, { snapshot }] = await Promise.all([client.session(), client.site()]);
    const views = channels.map((channel) => ({
      ...channel,
      here: snapshot.channels.find(({ name }) => name === channel.name) ?? null,
    }));
    terminal.show(views, () =>
      table(
        terminal.paint,
        ["NAME", "TRACKS", "COMES THROUGH", "SUBSCRIBERS", "PACKETS IN", "LOST"],
        views.map(({ name, ingests, here }) => [
          terminal.paint("bold", name),
          here?.description?.tracks.map(({ codec }) => codec).join(" ") ?? "",
          here === null
            ? `(at ${ingests.join(", ") || "no site"})`
            : here.path.join(" > ") || "(no way)",
          here === null ? "" : `${here.subscribers.length}`,
          here === null ? "" : `${here.packetsIn}`,
          here === null ? "" : `${here.drops["lost"] ?? 0}`,
        ]),
      ),
    );
  });
}
