import type { Command } from "commander";
import type { Inspection } from "../../session/shell/index.ts";
import { deathWords } from "../../stream/index.ts";
import { type SiteArguments, withSite } from "../arguments.ts";
import { withShell } from "../shell-of.ts";
import { openTerminal, type Paint, table } from "../terminal.ts";
import { formatShort, jsonOf, parseJson } from "../value-text.ts";
import { checkMessageId } from "../why.ts";

/** Of what is printed of one. */
const DEATH_CHARACTERS_MAX = 400;

type DeadLetter = Inspection["deadLetters"][number];

/** `meander stream dead|skip|retry|replay` */
export function addDeadLetters(stream: Command): void {
  addDead(stream);
  const verbs = [
    ["skip", "give up a dead letter, or the message that halted the stream", "skipped"],
    ["retry", "try the message that halted the stream again, or a dead letter", "tried again"],
  ] as const;
  for (const [verb, description, done] of verbs) {
    withSite(
      stream
        .command(verb)
        .description(description)
        .argument("<name>", "the stream")
        .argument("<message-id>", "the message, as `stream dead` shows it; in quotes"),
    ).action(async (name: string, id: string, options: SiteArguments) => {
      const terminal = openTerminal(options.json === true);
      const message = checkMessageId(id);
      await withShell(options, (shell) => shell[verb](name, message));
      terminal.show({ stream: name, message, action: verb }, () => `${message} is ${done}`);
    });
  }
  addReplay(stream);
}

function addDead(stream: Command): void {
  withSite(
    stream
      .command("dead")
      .description("list the dead letters of a stream: messages and events whose handlers failed")
      .argument("<name>", "the stream"),
  ).action(async (name: string, options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const letters = await withShell(options, (shell) => shell.deadLetters(name));
    terminal.show(letters.map(jsonOfDeadLetter), () =>
      letters.length === 0
        ? `${name} has no dead letters`
        : [
            table(
              terminal.paint,
              ["MESSAGE", "ATTEMPTS", "ERROR", "VALUE"],
              deadLetterRows(letters),
            ),
            ...deathLines(letters, terminal.paint),
          ].join("\n"),
    );
  });
}

function addReplay(stream: Command): void {
  withSite(
    stream
      .command("replay")
      .description("deliver a dead letter again, at the end of the mailbox")
      .argument("<name>", "the stream")
      .argument("<message-id>", "the message, as `stream dead` shows it; in quotes")
      .option("--edit <json>", "with this value in place of its own"),
  ).action(
    async (name: string, id: string, options: SiteArguments & { readonly edit?: string }) => {
      const terminal = openTerminal(options.json === true);
      const message = checkMessageId(id);
      const { edit } = options;
      const edited = edit === undefined ? undefined : parseJson(edit, "--edit");
      await withShell(options, (shell) =>
        edit === undefined ? shell.replay(name, message) : shell.replay(name, message, edited),
      );
      terminal.show({ stream: name, message, action: "replay", edited: edit !== undefined }, () =>
        edit === undefined ? `${message} is replayed` : `${message} is replayed with the new value`,
      );
    },
  );
}

/** Rows of message, attempts, error, value. */
export function deadLetterRows(letters: readonly DeadLetter[]): string[][] {
  return letters.map(({ id, attempts, error, value }) => [
    id,
    `${attempts}`,
    (error.split("\n")[0] ?? "").slice(0, 80),
    formatShort(value),
  ]);
}

/** For each that ended executors: when, where and how. */
export function deathLines(letters: readonly DeadLetter[], paint: Paint): string[] {
  const poisons = letters.filter(({ deaths }) => deaths.length > 0);
  return poisons.flatMap(({ id, deaths }) => [
    "",
    paint(
      "red",
      `${id} ended what ran it ${deaths.length === 1 ? "once" : `${deaths.length} times`}`,
    ),
    ...deaths.map((death) => `  ${deathWords(death).slice(0, DEATH_CHARACTERS_MAX)}`),
  ]);
}

/** The same, with the value as JSON has it. */
export function jsonOfDeadLetter(letter: DeadLetter): object {
  return { ...letter, value: jsonOf(letter.value) };
}
