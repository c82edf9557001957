import { type LogFields, RESERVED_FIELDS, type Severity } from "../../base/index.ts";

/** One line of a site's log. */
export interface LogLine {
  readonly severity: Severity;
  /** The site that logs. */
  readonly site: string;
  /** Wall clock, ms since 1970. */
  readonly at: number;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Levels of JSON lines, as pino and bunyan number them. */
const LEVEL: Readonly<Record<Severity, number>> = { debug: 20, info: 30, warn: 40, error: 50 };
/** Priorities of syslog(3), which journald reads from the front of a line (sd-daemon(3)). */
const PRIORITY: Readonly<Record<Severity, number>> = { debug: 7, info: 6, warn: 4, error: 3 };
/** Escapes of ECMA-48 (SGR). */
const COLOUR: Readonly<Record<Severity | "site" | "fact", number>> = {
  debug: 90,
  info: 32,
  warn: 33,
  error: 31,
  site: 36,
  fact: 2,
};

/** For programs: one JSON object in which every key occurs once. */
export function jsonLine({ severity, site, at, message, fields }: LogLine): string {
  const facts = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [isReserved(name) ? `${name}_` : name, value]),
  );
  const line = { level: LEVEL[severity], time: at, site, ...facts, msg: message };
  return `${jsonOf(line) ?? jsonOf({ ...line, ...textsOf(facts) })}\n`;
}

/** For the journal, which adds time and process itself: priority, sentence, facts. */
export function journalLine({ severity, message, fields }: LogLine): string {
  // One entry for each line: a message of several lines is one entry all the same.
  return `<${PRIORITY[severity]}>${oneLine(`${message}${factsOf(fields)}`)}\n`;
}

/** For people at a terminal: time of day, level, site, sentence, facts. */
export function terminalLine(line: LogLine, colours: boolean): string {
  const { severity, site, at, message, fields } = line;
  const paint = (what: keyof typeof COLOUR, text: string): string =>
    colours && text !== "" ? `\x1b[${COLOUR[what]}m${text}\x1b[0m` : text;
  const level = paint(severity, severity.padEnd(5));
  const facts = paint("fact", oneLine(factsOf(fields)));
  return `${timeOfDay(at)} ${level} ${paint("site", site)}: ${oneLine(message)}${facts}\n`;
}

/** Reads what {@link jsonLine} wrote; undefined when it is something else. */
export function parseJsonLine(text: string): LogLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { level, time, site, msg, ...fields } = value as Record<string, unknown>;
  const severity = (Object.keys(LEVEL) as Severity[]).find((each) => LEVEL[each] === level);
  if (severity === undefined || typeof time !== "number") return undefined;
  if (typeof site !== "string" || typeof msg !== "string") return undefined;
  return { severity, site, at: time, message: msg, fields };
}

/** Facts as ` name=value`, each after a space; values with spaces are quoted. */
export function factsOf(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${factOf(value)}`)
    .join("");
}

function factOf(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return value;
  return jsonOf(value) ?? String(value);
}

/** Undefined for what JSON cannot represent: cycles, big integers. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function textsOf(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      jsonOf(value) === undefined ? String(value) : value,
    ]),
  );
}

function isReserved(name: string): boolean {
  return (RESERVED_FIELDS as readonly string[]).includes(name);
}

function oneLine(text: string): string {
  return text.replaceAll(/\r?\n/g, " ⏎ ");
}

/** `16:43:04.909`, local. */
function timeOfDay(at: number): string {
  const time = new Date(at);
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()];
  const [hours, minutes, seconds] = parts.map((part) => String(part).padStart(2, "0"));
  return `${hours}:${minutes}:${seconds}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
