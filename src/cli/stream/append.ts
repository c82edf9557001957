import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { Command } from "commander";
import type { Appended, AppendOptions } from "../../agent/index.ts";
import { MeanderError } from "../../base/index.ts";
import { type SiteArguments, wholeNumber, withSite } from "../arguments.ts";
import { withShell } from "../shell-of.ts";
import { openTerminal, type Paint } from "../terminal.ts";
import { formatValue, jsonOf, parseValue } from "../value-text.ts";

interface Arguments extends SiteArguments {
  readonly file?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
}

/** `meander stream append` */
export function addAppend(stream: Command): void {
  withSite(
    stream
      .command("append")
      .description("append messages to a stream, in order")
      .argument("<name>", "the stream")
      .argument("[values...]", "each one a message: JSON where it is JSON, else text")
      .option("--file <file>", "a message with the content of the file; - for standard input")
      .option("--wait", "wait until they are consumed, and show what the handlers returned")
      .option("--timeout <ms>", "for --wait: how long for each; it stays on its way afterwards"),
  ).action(async (name: string, texts: readonly string[], options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const how = appendOptions(options);
    const values = await messagesOf(texts, options.file);
    const appended = await withShell(options, async (shell) => {
      const answers: Appended[] = [];
      for (const value of values) {
        terminal.progress(`appending to ${name}: ${answers.length + 1} of ${values.length}…`);
        answers.push(await shell.append(name, value, how));
      }
      return answers;
    });
    const waited = options.wait === true;
    const shown = appended.map(({ id, reply }) => (waited ? { id, reply: jsonOf(reply) } : { id }));
    terminal.show(shown, () =>
      appended.map((each) => formatAppended(each, waited, terminal.paint)).join("\n"),
    );
  });
}

/** @throws {MeanderError} `arguments-invalid` */
function appendOptions(options: Arguments): AppendOptions {
  const timeoutMs = wholeNumber(options.timeout, "--timeout", 1, 86_400_000);
  if (options.wait === true) return { until: "consumed", timeoutMs };
  if (timeoutMs === undefined) return {};
  throw new MeanderError("arguments-invalid", "nothing to wait for", {
    where: "argument --timeout",
    next: "add --wait",
  });
}

/** The messages that were typed, then that of the file. @throws {MeanderError} `arguments-invalid` */
async function messagesOf(texts: readonly string[], file: string | undefined): Promise<unknown[]> {
  const values = texts.map(parseValue);
  if (file !== undefined) values.push(parseValue(await readMessage(file)));
  if (values.length > 0) return values;
  throw new MeanderError("arguments-invalid", "nothing to append", {
    where: "meander stream append",
    expected: "a value, or --file FILE",
  });
}

async function readMessage(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("arguments-invalid", "the file cannot be read", {
      where: `argument --file ${file}`,
      cause,
    });
  }
}

/** The message's name; with the reply, where one was waited for. */
export function formatAppended({ id, reply }: Appended, waited: boolean, paint: Paint): string {
  if (!waited) return id;
  return reply === undefined
    ? `${paint("dim", id)} consumed`
    : `${paint("dim", id)} ${formatValue(reply)}`;
}
