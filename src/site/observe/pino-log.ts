import { type Logger, pino } from "pino";
import pretty from "pino-pretty";
import type { Log, LogFields } from "../../base/index.ts";
import type { LogLevel } from "../../client/contract/index.ts";
import { isJournal, journalLog } from "./journal-log.ts";
import { gatedLog, LogGate } from "./log-gate.ts";

/** A log on standard error: lines for people when that is a terminal, for the journal when that reads it, JSON lines otherwise. */
export function openLog(options: { readonly level: LogLevel; readonly site: string }): Log {
  const { level, site } = options;
  const base = { site };
  if (isJournal(process.env)) return gatedLog(journalLog(), new LogGate(level));
  if (!process.stderr.isTTY)
    return pinoLog(pino({ level, base }, pino.destination({ dest: 2, sync: true })));
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: process.env["NO_COLOR"] === undefined,
    ignore: "pid,hostname,site",
    messageFormat: `${site}: {msg}`,
    translateTime: "SYS:HH:MM:ss.l",
  });
  return pinoLog(pino({ level, base }, stream));
}

function pinoLog(logger: Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    child: (fields: LogFields) => pinoLog(logger.child(fields)),
  };
}
