/** How grave a line is, least first. */
export type Severity = "debug" | "info" | "warn" | "error";

/** What a log gives every line itself: the site that speaks, and the line's own level, time and text. */
export const RESERVED_FIELDS = ["site", "level", "time", "msg"] as const;

/**
 * Facts of a log line; plain JSON values. `site` is the site that speaks and comes from the log itself: another site is
 * a `peer`.
 */
export type LogFields = Readonly<Record<string, unknown>> & {
  readonly [Name in (typeof RESERVED_FIELDS)[number]]?: never;
};

/** Where a component writes what it did. Lines are sentences in the past tense that do not repeat the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields`; a field of the line replaces one of the same name. */
  child(fields: LogFields): Log;
}

/** Writes one line. */
export type WriteLine = (severity: Severity, message: string, fields: LogFields) => void;

/** A log over one function. Each field reaches it once, whichever logs the line came through. */
export function logOver(write: WriteLine, bound: LogFields = {}): Log {
  const line =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}): void =>
      write(severity, message, { ...bound, ...fields });
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: (fields) => logOver(write, { ...bound, ...fields }),
  };
}

/** Discards every line. */
export const SILENT: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => SILENT,
};
