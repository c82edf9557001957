import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { MeanderError } from "../base/index.ts";
import { AuthorKey } from "../trust/index.ts";
import { writeOutput } from "./output-file.ts";
import { openTerminal } from "./terminal.ts";

/** Where an author's key is when no option says. */
const FILE = join(homedir(), ".meander-author.json");

/** `meander author create|show` */
export function addAuthor(program: Command): void {
  const author = program
    .command("author")
    .description("the key with which you sign code: policies can tell by whom it is");
  author
    .command("create")
    .description("make a key, in a file that only this user can read")
    .option("--out <file>", "where; a file that does not exist yet", FILE)
    .option("--json", "print JSON")
    .action(async (options: { readonly out: string; readonly json?: boolean }) => {
      const terminal = openTerminal(options.json === true);
      const text = await AuthorKey.create();
      await writeOutput("--out", options.out, text, { mode: 0o600, isNew: true });
      const { id } = await AuthorKey.read(text, options.out);
      terminal.show({ author: id, file: options.out }, () => id);
      terminal.note(`written to ${options.out}; sign with --author ${options.out}`);
    });
  author
    .command("show")
    .description("print whose key a file has, as policies name it")
    .argument("[file]", "the file", FILE)
    .option("--json", "print JSON")
    .action(async (file: string, options: { readonly json?: boolean }) => {
      const terminal = openTerminal(options.json === true);
      const { id } = await readAuthor(file, "argument [file]");
      terminal.show({ author: id }, () => id);
    });
}

/** Adds `--author` to a verb that uploads code. */
export function withAuthor(command: Command): Command {
  return command.option("--author <file>", "sign the code with the key of `meander author create`");
}

/** Whose signature `--author` asks for. @throws {MeanderError} `arguments-invalid`, `author-key-invalid` */
export async function authorOf(options: {
  readonly author?: string;
}): Promise<{ readonly author?: AuthorKey }> {
  return options.author === undefined
    ? {}
    : { author: await readAuthor(options.author, "argument --author") };
}

async function readAuthor(file: string, where: string): Promise<AuthorKey> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("arguments-invalid", "the file cannot be read", {
      where: `${where} ${file}`,
      expected: "a file that `meander author create` made",
      cause,
    });
  }
  return await AuthorKey.read(text, file);
}
