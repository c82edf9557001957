import type { Command } from "commander";
import type { Shell } from "../session/shell/index.ts";
import { type SiteArguments, withSite } from "./arguments.ts";
import { formatOutput } from "./event-line.ts";
import { type Script, ScriptLoader } from "./script-loader.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface Arguments extends SiteArguments {
  readonly quiet?: boolean;
}

/** `meander run` */
export function addRun(program: Command): void {
  withSite(
    program
      .command("run")
      .description("run a script that drives the session; `meander sim` simulates the same file")
      .argument("<file>", "module with `export default async function (shell, args)`")
      .argument("[args...]", "arguments of the script; behind -- where they look like options")
      .option("--quiet", "do not print what agents print"),
  ).action(async (file: string, args: readonly string[], options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const script = await new ScriptLoader().load(file);
    await withShell(options, async (shell) => {
      if (options.quiet !== true) void printOutput(shell, terminal);
      await guarded(script, () => script.main(shell, args));
    });
  });
}

/** Runs a script to its end, or to the first error that it left to nobody: in a callback, or of a promise that it dropped. */
export async function guarded<T>(script: Script, run: () => Promise<T>): Promise<T> {
  let fail = (_thrown: unknown): void => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = (thrown) => reject(script.errorOf(thrown));
  });
  process.on("uncaughtException", fail);
  try {
    return await Promise.race([run(), failed]);
  } finally {
    process.off("uncaughtException", fail);
  }
}

/** Prints what agents print, until the shell is closed. */
async function printOutput(shell: Shell, terminal: Terminal): Promise<void> {
  try {
    for await (const event of shell.events({ types: ["output"] })) {
      if (event.type === "output") {
        terminal.show(event, () => formatOutput(event, terminal.paint));
      }
    }
  } catch {
    // The shell's end; the script's next call tells why.
  }
}
