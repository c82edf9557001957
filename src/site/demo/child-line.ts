import { factsOf, parseJsonLine } from "../observe/log-lines.ts";

/**
 * A line of a child's standard error for the terminal: what a site logged as a sentence with its facts, anything else
 * as it is.
 *
 * @param from name of the child
 */
export function childLine(from: string, text: string): string {
  const line = parseJsonLine(text);
  if (line === undefined) return `${from}: ${text}`;
  return `${line.site}: ${line.message}${factsOf(line.fields)}`;
}
