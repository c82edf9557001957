import type { Command } from "commander";
import { flagOf, READY_POLICIES } from "../client/index.ts";
import { openTerminal, type Paint } from "./terminal.ts";

/** `meander policy list` */
export function addList(policy: Command): void {
  policy
    .command("list")
    .description("list the ready-made policies, with their options")
    .option("--json", "print JSON")
    .action((options: { readonly json?: boolean }) => {
      const terminal = openTerminal(options.json === true);
      const listed = Object.entries(READY_POLICIES).map(([name, { about, options: all }]) => ({
        name,
        about,
        options: Object.entries(all).map(([key, { value, about: text }]) => ({
          flag: flagOf(key),
          value,
          about: text,
        })),
      }));
      terminal.show(listed, () => listText(terminal.paint));
    });
}

/** The ready-made policies for people: a line each, and one for each option. */
export function listText(paint: Paint): string {
  const flags = Object.values(READY_POLICIES).flatMap(({ options }) =>
    Object.entries(options).map(([key, { value }]) => `${flagOf(key)} <${value}>`),
  );
  const names = Object.keys(READY_POLICIES);
  const width = Math.max(...[...flags, ...names].map(({ length }) => length)) + 2;
  return Object.entries(READY_POLICIES)
    .flatMap(([name, { about, options }]) => [
      `${paint("bold", name)}${" ".repeat(width + 2 - name.length)}${about}`,
      ...Object.entries(options).map(([key, { value, about: text }]) =>
        paint("dim", `  ${`${flagOf(key)} <${value}>`.padEnd(width)}${text}`),
      ),
    ])
    .join("\n");
}
