import { AUDIT_ACTIONS } from "./audit-actions.ts";
import type { AuditRecord, AuditVerdict } from "./audit-record.ts";

const VERDICTS: readonly AuditVerdict[] = ["allowed", "denied", "failed"];
const ACTIONS: ReadonlySet<string> = new Set(AUDIT_ACTIONS);
const TEXTS = ["by", "on", "rule"] as const;
const OPTIONAL_TEXTS = ["label", "token", "from", "reason"] as const;
const OPTIONAL_NUMBERS = ["ms", "count", "overMs"] as const;
/** Controls, what turns the direction of text, and what has no width: escaped, so that a file shows what it has. */
const UNSEEN =
  /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** A record as one line of JSON, with its line feed. What cannot be seen is escaped. */
export function encodeAuditLine(record: AuditRecord): string {
  const { number, at, site, by, label, token, from, what, on, verdict, rule, reason } = record;
  const { ms, count, overMs } = record;
  // In this order, whoever made the record.
  const ordered = {
    ...{ number, at, time: new Date(at).toISOString(), site, by, label, token, from, what, on },
    ...{ verdict, rule, reason, ms, count, overMs },
  };
  return `${JSON.stringify(ordered).replace(UNSEEN, escaped)}\n`;
}

/** Reads what {@link encodeAuditLine} wrote. Undefined: the line is torn, or of another version. */
export function parseAuditLine(line: string): AuditRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { time: _time, ...record } = value as Record<string, unknown>;
  return isRecord(record) ? record : undefined;
}

function isRecord(value: Record<string, unknown>): value is Record<string, unknown> & AuditRecord {
  return (
    Number.isSafeInteger(value["number"]) &&
    isTime(value["at"]) &&
    typeof value["site"] === "string" &&
    ACTIONS.has(String(value["what"])) &&
    VERDICTS.some((verdict) => verdict === value["verdict"]) &&
    TEXTS.every((name) => typeof value[name] === "string") &&
    OPTIONAL_TEXTS.every((name) => isOptional(value[name], "string")) &&
    OPTIONAL_NUMBERS.every((name) => isOptional(value[name], "number"))
  );
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= 8.64e15;
}

function isOptional(value: unknown, type: "string" | "number"): boolean {
  return value === undefined || typeof value === type;
}

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}
