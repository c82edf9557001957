import type { AuditRecord } from "../client/contract/index.ts";
import { formatSpan } from "./format.ts";
import { visibleLine } from "./visible-text.ts";

/** A record of an audit log in words. */
export interface AuditWords {
  /** The principal, and the name that a shell gave itself. */
  readonly who: string;
  readonly from: string;
  readonly what: string;
  readonly on: string;
  readonly verdict: AuditRecord["verdict"];
  /** The rule, and the reason for people. */
  readonly why: string;
}

/** A record for people. Nothing in it acts upon a terminal. */
export function auditWords(record: AuditRecord): AuditWords {
  const { by, label, from = "", what, on, verdict } = record;
  return {
    who: visibleLine(label === undefined ? by : `${by} (${label})`),
    from: visibleLine(from),
    what,
    on: visibleLine(on),
    verdict,
    why: visibleLine(whyOf(record)),
  };
}

function whyOf({ rule, reason, count, overMs = 0 }: AuditRecord): string {
  const why = reason === undefined ? rule : `${rule}: ${reason}`;
  if (count === undefined) return why;
  return `… and ${count.toLocaleString("en").replaceAll(",", " ")} more like it in ${formatSpan(overMs)} (${why})`;
}
