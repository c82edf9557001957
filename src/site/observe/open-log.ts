import { type Clock, type Log, logOver } from "../../base/index.ts";
import { isJournal } from "./is-journal.ts";
import { journalLine, jsonLine, type LogLine, terminalLine } from "./log-lines.ts";
import { writeStandardError } from "./standard-error.ts";

/**
 * The log of a site's process, on standard error: for people on a terminal, for the journal where that reads it, else
 * JSON lines.
 */
export function openLog({ site, clock }: { readonly site: string; readonly clock: Clock }): Log {
  const format = formatOf(process.env, process.stderr.isTTY === true);
  return logOver((severity, message, fields) =>
    writeStandardError(format({ severity, site, at: clock.wall(), message, fields })),
  );
}

function formatOf(env: NodeJS.ProcessEnv, isTerminal: boolean): (line: LogLine) => string {
  if (isJournal(env)) return journalLine;
  if (!isTerminal) return jsonLine;
  const colours = env["NO_COLOR"] === undefined;
  return (line) => terminalLine(line, colours);
}
