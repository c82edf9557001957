import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { openTerminal } from "./terminal.ts";

/** `meander config get|set` */
export function addConfig(program: Command): void {
  const config = program.command("config").description("read or replace the routes of the site");
  withSite(config.command("get").description("print the routes")).action(
    async (options: SiteArguments) => {
      const terminal = openTerminal(options.json === true);
      terminal.show(await clientOf(options).routes(), (routes) => JSON.stringify(routes, null, 2));
    },
  );
  withSite(
    config.command("set").argument("<file>", "JSON file with the routes; - for standard input"),
  )
    .description("replace the routes; applied at once")
    .action(async (file: string, options: SiteArguments) => {
      const terminal = openTerminal(options.json === true);
      const routes = await clientOf(options).setRoutes(await readRoutes(file));
      terminal.show(routes, () => "done");
    });
}

async function readRoutes(file: string): Promise<unknown> {
  try {
    return JSON.parse(file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8"));
  } catch (cause) {
    const what =
      cause instanceof SyntaxError ? `not JSON: ${cause.message}` : "the file cannot be read";
    throw new MeanderError("config-invalid", what, {
      where: file,
      expected: "a JSON file, or -",
      cause,
    });
  }
}
