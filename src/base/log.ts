/** Facts that go with a log line; plain JSON values. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where a component writes what it did. Lines are sentences in the past tense, without the fields repeated. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields`. */
  child(fields: LogFields): Log;
}

/** Keeps nothing. */
export const SILENT: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => SILENT,
};
