import type { Command } from "commander";
import type { MessageStory } from "../agent/index.ts";
import { MeanderError } from "../base/index.ts";
import { channelNameSchema } from "../session/index.ts";
import { parseMessageName } from "../stream/index.ts";
import { type SiteArguments, withSite } from "./arguments.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Paint } from "./terminal.ts";
import { askForWay, channelStory, formatChannelStory } from "./why-channel.ts";

/** `meander why` */
export function addWhy(program: Command): void {
  withSite(
    program
      .command("why")
      .description("where a message is, or where a channel comes from at the site, and why")
      .argument(
        "<message-or-channel>",
        "name of a message, such as foo>bar#17 (in quotes: > and # are special to the shell), or of a channel",
      ),
  ).action(async (id: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    if (channelNameSchema.safeParse(id).success) {
      const story = channelStory(await askForWay(options, id), id);
      terminal.show(story, () => formatChannelStory(story, terminal.paint));
      return;
    }
    const message = checkMessageId(id);
    const story = await withShell(options, (shell) => shell.why(message));
    terminal.show(story, () => formatStory(story, terminal.paint));
  });
}

/** The name of a message, as it is. @throws {MeanderError} `arguments-invalid` */
export function checkMessageId(text: string): string {
  if (parseMessageName(text) !== undefined) return text;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: "argument <message-or-channel>",
    expected: "the name of a message, such as 'foo>bar#17', or of a channel",
    next: "put it in quotes: > and # are special to the shell",
  });
}

/** The state, and the sentences that lead to it. */
export function formatStory({ id, state, steps }: MessageStory, paint: Paint): string {
  const colour =
    state === "consumed"
      ? "green"
      : ["halted", "dead-lettered", "discarded"].includes(state)
        ? "red"
        : "yellow";
  return [
    `${paint("bold", id)} is ${paint(colour, state)}`,
    ...steps.map((step) => `  ${step}`),
  ].join("\n");
}
