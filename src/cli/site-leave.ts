import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import { type SiteArguments, withSite } from "./arguments.ts";
import { withShell } from "./shell-of.ts";
import { siteNamed } from "./site-named.ts";
import { openTerminal } from "./terminal.ts";

/** `meander site leave` */
export function addSiteLeave(site: Command): void {
  withSite(
    site
      .command("leave")
      .description("take a site out of the session: move its streams away, then stop it")
      .argument("<name>", "the site")
      .option("--force", "stop it even when streams had to stay; their failure managers take over"),
  ).action(async (name: string, options: SiteArguments & { readonly force?: boolean }) => {
    const terminal = openTerminal(options.json === true);
    const { client } = await siteNamed(options, name);
    terminal.progress(`moving the streams of ${name} away…`);
    const { moved, failed } = await withShell(options, (shell) => shell.evacuate(name));
    if (failed.length > 0 && options.force !== true) {
      throw new MeanderError(
        "evacuation-failed",
        `${moved} streams moved, ${failed.length} stayed: ${failed.join("; ")}`,
        { where: `site ${name}`, next: "move or destroy them, or add --force" },
      );
    }
    await client.stop();
    terminal.show({ site: name, moved, failed }, () => {
      const rest = failed.length === 0 ? "" : `, ${failed.length} stayed: ${failed.join("; ")}`;
      return `${name} leaves: ${moved} ${moved === 1 ? "stream" : "streams"} moved away${rest}`;
    });
  });
}
