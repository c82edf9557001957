import type { Command } from "commander";
import type { ResumptionView } from "../../client/contract/index.ts";
import { clientOf, type SiteArguments, withSite } from "../arguments.ts";
import { openTerminal } from "../terminal.ts";

/** `meander stream resume` */
export function addResume(stream: Command): void {
  withSite(
    stream
      .command("resume")
      .description("have the streams of a site go on that started with them halted"),
  ).action(async (options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const resumption = await clientOf(options).resumeStreams();
    terminal.show(resumption, () => resumptionWords(resumption));
  });
}

/** What became of them, for people. */
export function resumptionWords({ resumed, failed }: ResumptionView): string {
  if (resumed.length + failed.length === 0) return "no stream of the site was halted";
  const count = resumed.length === 1 ? "1 stream goes" : `${resumed.length} streams go`;
  return [
    `${count} on`,
    ...failed.map(({ stream, error }) => `${stream} stays halted: ${error}`),
  ].join("\n");
}
