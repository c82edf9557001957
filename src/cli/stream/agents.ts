import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { HANDLER_NAMES, type HandlerName } from "../../agent/index.ts";
import { MeanderError } from "../../base/index.ts";
import { type SiteArguments, withSite } from "../arguments.ts";
import { authorOf, withAuthor } from "../author.ts";
import { withShell } from "../shell-of.ts";
import { openTerminal } from "../terminal.ts";
import { parseJsonObject } from "../value-text.ts";

/** `meander stream attach|detach|replace` */
export function addAgents(stream: Command): void {
  addAttach(stream);
  addDetach(stream);
  addReplace(stream);
}

interface AttachArguments extends SiteArguments {
  readonly author?: string;
  readonly name?: string;
  readonly briefcase?: string;
}

function addAttach(stream: Command): void {
  const attach = stream
    .command("attach")
    .description("attach an agent to a stream")
    .argument("<stream>", "the stream")
    .argument("<file>", "TypeScript or JavaScript module whose default export is the agent")
    .option("--name <agent>", "name of the agent (its own)")
    .option("--briefcase <json>", "what its briefcase holds at first (its own)");
  withSite(withAuthor(attach)).action(
    async (name: string, file: string, options: AttachArguments) => {
      const terminal = openTerminal(options.json === true);
      const briefcase =
        options.briefcase === undefined
          ? {}
          : { briefcase: parseJsonObject(options.briefcase, "--briefcase") };
      const naming = options.name === undefined ? {} : { name: options.name };
      const source = await readCode(file);
      const signing = await authorOf(options);
      terminal.progress(`attaching ${file} to ${name}…`);
      const agent = await withShell(options, (shell) =>
        shell.registerAgent(name, { source, file }, { ...naming, ...briefcase, ...signing }),
      );
      const by = signing.author?.id;
      terminal.show(
        { stream: name, agent: agent.name, ...(by === undefined ? {} : { author: by }) },
        () => `${agent.name} is attached to ${name}${by === undefined ? "" : `, signed by ${by}`}`,
      );
    },
  );
}

function addDetach(stream: Command): void {
  withSite(
    stream
      .command("detach")
      .description("detach an agent; its finalize handler runs at every site it has visited")
      .argument("<stream>", "the stream")
      .argument("<agent>", "the agent"),
  ).action(async (name: string, agent: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    await withShell(options, async (shell) => (await shell.open(name)).agent(agent).detach());
    terminal.show({ stream: name, detached: agent }, () => `${agent} is detached from ${name}`);
  });
}

function addReplace(stream: Command): void {
  const replace = stream
    .command("replace")
    .description("replace one handler of an agent, between two messages")
    .argument("<stream>", "the stream")
    .argument("<agent>", "the agent")
    .argument("<event>", `the handler: ${HANDLER_NAMES.join(", ")}`)
    .argument("[file]", "a function, or a module whose default export is one")
    .option("--remove", "leave the event without a handler");
  withSite(withAuthor(replace)).action(
    async (
      name: string,
      agent: string,
      event: string,
      file: string | undefined,
      options: SiteArguments & { readonly remove?: boolean; readonly author?: string },
    ) => {
      const terminal = openTerminal(options.json === true);
      const handler = parseHandlerName(event);
      if ((file === undefined) !== (options.remove === true)) {
        throw new MeanderError("arguments-invalid", "no handler, or two orders at once", {
          where: "meander stream replace",
          expected: "a file, or --remove",
        });
      }
      const source = file === undefined ? null : await readCode(file);
      const signing = await authorOf(options);
      await withShell(options, async (shell) =>
        (await shell.open(name)).agent(agent).replaceHandler(handler, source, signing),
      );
      terminal.show(
        { stream: name, agent, event: handler, removed: source === null },
        () => `${agent} ${source === null ? "handles no" : "has a new handler of"} ${handler}`,
      );
    },
  );
}

/** @throws {MeanderError} `arguments-invalid` */
export function parseHandlerName(text: string): HandlerName {
  const name = HANDLER_NAMES.find((each) => each === text);
  if (name !== undefined) return name;
  throw new MeanderError("arguments-invalid", `got ${JSON.stringify(text)}`, {
    where: "argument <event>",
    expected: `one of ${HANDLER_NAMES.join(", ")}`,
  });
}

async function readCode(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("arguments-invalid", "the file cannot be read", {
      where: `argument ${file}`,
      expected: "a TypeScript or JavaScript file",
      cause,
    });
  }
}
