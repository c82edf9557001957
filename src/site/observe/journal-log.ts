import { fstatSync, writeSync } from "node:fs";
import type { Log, LogFields } from "../../base/index.ts";

/** Priorities of syslog(3), which journald reads from the front of a line (sd-daemon(3)). */
const PRIORITY = { debug: 7, info: 6, warn: 4, error: 3 } as const;

/** Whether standard error goes to the journal: the system tells which file that is. */
export function isJournal(
  env: Readonly<Record<string, string | undefined>>,
  descriptor = 2,
): boolean {
  const stream = env["JOURNAL_STREAM"];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** A log for the journal, which adds time and process itself: priority, sentence, facts. */
export function journalLog(
  write: (text: string) => void = (text) => void writeSync(2, text),
  bound: LogFields = {},
): Log {
  const line =
    (level: keyof typeof PRIORITY) =>
    (message: string, fields: LogFields = {}): void => {
      const facts = Object.entries({ ...bound, ...fields })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => ` ${name}=${factOf(value)}`)
        .join("");
      // One entry for each line: what has several is one entry all the same.
      const text = `${message}${facts}`.replaceAll(/\r?\n/g, " ⏎ ");
      write(`<${PRIORITY[level]}>${text}\n`);
    };
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: (fields) => journalLog(write, { ...bound, ...fields }),
  };
}

function factOf(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value) ?? String(value);
}
