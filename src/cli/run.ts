import type { Command } from "commander";
import type { StreamEvent } from "../agent/index.ts";
import type { Shell } from "../session/shell/index.ts";
import { durationOf, type SiteArguments, withSite } from "./arguments.ts";
import { formatOutput } from "./event-line.ts";
import { InOrder } from "./in-order.ts";
import { ScriptError } from "./script-error.ts";
import { type Script, ScriptLoader } from "./script-loader.ts";
import { scriptShell } from "./script-shell.ts";
import { withShell } from "./shell-of.ts";
import { openTerminal } from "./terminal.ts";
import { untilIdle } from "./until-idle.ts";

interface Arguments extends SiteArguments {
  readonly quiet?: boolean;
  readonly replace?: boolean;
  readonly detach?: boolean;
  readonly follow: string;
}

type Output = Extract<StreamEvent, { readonly type: "output" }>;

/** `meander run` */
export function addRun(program: Command): void {
  withSite(
    program
      .command("run")
      .description("run a script that drives the session; `meander sim` simulates the same file")
      .argument("<file>", "module with `export default async function (shell, args)`")
      .argument("[args...]", "arguments of the script; behind -- where they look like options")
      .option("--replace", "destroy streams that exist when the script creates ones of their names")
      .option(
        "--follow <time>",
        "after the script has ended, print what agents print until its streams are idle, and at most for",
        "10s",
      )
      .option("--detach", "end with the script")
      .option("--quiet", "do not print what agents print"),
  ).action(async (file: string, args: readonly string[], options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const { quiet, replace = false, detach = false } = options;
    const timeoutMs = detach ? 0 : durationOf(options.follow, "--follow");
    const script = await new ScriptLoader().load(file);
    await withShell(options, async (inner) => {
      const output = new InOrder<Output>((event) =>
        terminal.show(event, () => formatOutput(event, terminal.paint)),
      );
      if (quiet !== true) void readOutput(inner, output);
      const { shell, names } = scriptShell(inner, { replace });
      await guarded(script, () => script.main(shell, args)).catch((error: unknown) => {
        throw withAdvice(error, file);
      });
      const busy = await untilIdle(inner, names, { timeoutMs });
      output.flush();
      if (busy.length > 0) terminal.note(stillBusy(busy, options.follow));
    });
  });
}

/** What a second run of the same script meets. */
function withAdvice(error: unknown, file: string): unknown {
  if (!(error instanceof ScriptError) || error.code !== "stream-exists") return error;
  const { code, what, where = "", expected, picture } = error;
  const next = `destroy it with \`meander stream destroy\`, or run with --replace: meander run --replace ${file}`;
  return new ScriptError(code, what, { where, expected, next, picture, cause: error });
}

function stillBusy(streams: readonly string[], after: string): string {
  const names = streams.slice(0, 5).join(", ");
  return `not idle after ${after}: ${names}; see \`meander stream watch\`, or follow longer with --follow`;
}

/**
 * Runs a script to its end, or to the first error that it did not handle: in a callback, or of a promise that it
 * dropped.
 */
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

/** Reads what agents print, until the shell is closed. */
async function readOutput(shell: Shell, output: InOrder<Output>): Promise<void> {
  try {
    for await (const event of shell.events({ types: ["output"] })) {
      if (event.type === "output") output.add(event);
    }
  } catch {
    // The shell has ended; the script's next call throws the reason.
  } finally {
    output.flush();
  }
}
