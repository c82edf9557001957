import type { Log } from "../../base/index.ts";
import type { LogLevel } from "../../client/contract/index.ts";

const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

/** The least level that is logged; may change while the site runs. */
export class LogGate {
  level: LogLevel;

  constructor(level: LogLevel) {
    this.level = level;
  }

  lets(level: Exclude<LogLevel, "silent">): boolean {
    return RANK[level] >= RANK[this.level];
  }
}

/** A log that writes to `log` what `gate` lets through, also the logs that are made from it. */
export function gatedLog(log: Log, gate: LogGate): Log {
  return {
    debug: (message, fields) => {
      if (gate.lets("debug")) log.debug(message, fields);
    },
    info: (message, fields) => {
      if (gate.lets("info")) log.info(message, fields);
    },
    warn: (message, fields) => {
      if (gate.lets("warn")) log.warn(message, fields);
    },
    error: (message, fields) => {
      if (gate.lets("error")) log.error(message, fields);
    },
    child: (fields) => gatedLog(log.child(fields), gate),
  };
}
