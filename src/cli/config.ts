import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import type { SiteClient } from "../client/index.ts";
import { parseJson, renameKeys } from "../session/index.ts";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { openTerminal } from "./terminal.ts";

/** `meander config get|set` */
export function addConfig(program: Command): void {
  const config = program.command("config").description("read or replace the routes of a site");
  withSite(config.command("get").description("print the routes of a site")).action(
    async (options: SiteArguments, command: Command) => {
      const terminal = openTerminal(options.json === true);
      const client = await meantSite(options, command);
      terminal.show(await client.routes(), (routes) => JSON.stringify(routes, null, 2));
    },
  );
  withSite(
    config.command("set").argument("<file>", "JSON file with the routes; - for standard input"),
  )
    .description("replace the routes of a site; returns when the site has applied them")
    .action(async (file: string, options: SiteArguments, command: Command) => {
      const terminal = openTerminal(options.json === true);
      const client = await meantSite(options, command);
      const routes = await readRoutes(file);
      renameKeys(routes, (path, name) => {
        terminal.note(`warning: ${file}: ${path.join(".")} is now called ${name}; rename it`);
      });
      const applied = await client.setRoutes(routes).catch((error) => {
        throw inFile(file, error);
      });
      terminal.show(applied, () => `applied at ${client.url}`);
    });
}

/**
 * The site whose routes are meant. Each site has its own, so a session of several sites has no default.
 *
 * @throws {MeanderError} `arguments-invalid`
 */
async function meantSite(options: SiteArguments, command: Command): Promise<SiteClient> {
  const client = clientOf(options);
  if (command.getOptionValueSource("site") !== "default") return client;
  const { sites } = await client.session();
  const [first, second] = sites.map(({ name }) => name);
  if (second === undefined) return client;
  throw new MeanderError(
    "arguments-invalid",
    "the session has several sites, each with its own routes",
    {
      where: "argument --site",
      expected: `one of ${sites.map(({ name }) => name).join(", ")}`,
      next: `add --site ${sites.find(({ leader }) => !leader)?.name ?? first}`,
    },
  );
}

/** What a site found in the body of a request, as what is in the file that it came from. */
function inFile(file: string, error: unknown): unknown {
  if (!(error instanceof MeanderError) || error.where?.startsWith("body") !== true) return error;
  const { cause, code, expected, next, what } = error;
  const where = error.where.replace(/^body/, () => nameOf(file));
  return new MeanderError(code, what, {
    ...{ where, cause },
    ...(expected === undefined ? {} : { expected }),
    ...(next === undefined ? {} : { next }),
  });
}

async function readRoutes(file: string): Promise<unknown> {
  return parseJson(await readText(file), nameOf(file));
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : file;
}

async function readText(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("config-invalid", "the file cannot be read", {
      where: file,
      expected: "a JSON file, or -",
      cause,
    });
  }
}
