import type { Command } from "commander";
import type { ChannelSnapshot } from "../client/contract/index.ts";
import { formatStall, isLearned } from "../view/index.ts";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { openTerminal, type Paint, table } from "./terminal.ts";

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
        ["NAME", "TRACKS", "COMES THROUGH", "OR FROM", "SUBSCRIBERS", "PACKETS IN", "LOST"],
        views.map(({ name, ingests, here }) => [
          terminal.paint("bold", name),
          here?.description?.tracks.map(({ codec }) => codec).join(" ") ?? "",
          here === null ? `(at ${ingests.join(", ") || "no site"})` : wayOf(here, terminal.paint),
          here === null ? "" : standbysOf(here),
          here === null ? "" : `${here.subscribers.length}`,
          here === null ? "" : `${here.packetsIn}`,
          here === null ? "" : `${here.drops["lost"] ?? 0}`,
        ]),
      ),
    );
  });
}

/** The sites that it passes through, or why it does not arrive. */
export function wayOf({ path, stalled }: ChannelSnapshot, paint: Paint): string {
  if (stalled !== undefined) return paint("yellow", `(no way ${formatStall(stalled)})`);
  return path.join(" > ") || "(no way)";
}

/** What is ready to take over, best first. */
export function standbysOf({ inputs }: ChannelSnapshot): string {
  return inputs
    .filter(({ state }) => state === "standby")
    .map((input) => (isLearned(input) ? `${input.name} (learned)` : input.name))
    .join(", ");
}
