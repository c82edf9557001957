import { type Log, logOver, type Severity } from "../../base/index.ts";
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

  lets(level: Severity): boolean {
    return RANK[level] >= RANK[this.level];
  }
}

/** A log that writes to `log` what `gate` lets through, and so do its children. */
export function gatedLog(log: Log, gate: LogGate): Log {
  return logOver((severity, message, fields) => {
    if (gate.lets(severity)) log[severity](message, fields);
  });
}
