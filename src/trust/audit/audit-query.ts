import type { AuditFacts, AuditRecord } from "./audit-record.ts";

/** Which records of an audit log are wanted. */
export interface AuditQuery {
  /** Only records with a higher number, the oldest of them first; undefined: the newest that match. */
  readonly after?: number | undefined;
  /** Wall clock, ms. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** A principal (`subject:bob`), its name alone (`bob`), or a label; `*` at the end stands for any rest. */
  readonly by?: string | undefined;
  /** An action (`stream.move`); `*` at the end stands for any rest (`stream.*`). */
  readonly what?: string | undefined;
  /** A part of what it was done on. */
  readonly on?: string | undefined;
  /** Only what was denied. */
  readonly denied?: boolean | undefined;
  /** Records at most. */
  readonly limit: number;
}

/** Records of an audit log, the oldest first. */
export interface AuditPage {
  readonly site: string;
  readonly records: readonly AuditRecord[];
  /** Whether more match than there was room for. */
  readonly more: boolean;
  /** What {@link AuditQuery.after} is to be, to go on from here. */
  readonly next: number;
}

/** Whether a record is wanted, whatever its number is. */
export function matchesAudit(record: AuditRecord, query: AuditQuery): boolean {
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = query;
  if (record.at < since || record.at > until) return false;
  if (query.denied === true && record.verdict !== "denied") return false;
  if (query.what !== undefined && !isLike(record.what, query.what)) return false;
  if (query.on !== undefined && !record.on.includes(query.on)) return false;
  return query.by === undefined || isBy(record, query.by);
}

function isBy({ by, label }: AuditFacts, wanted: string): boolean {
  const name = by.slice(by.indexOf(":") + 1);
  return [by, name, label].some((each) => each !== undefined && isLike(each, wanted));
}

function isLike(text: string, wanted: string): boolean {
  return wanted.endsWith("*") ? text.startsWith(wanted.slice(0, -1)) : text === wanted;
}
