export type { AuditCounts, AuditPage, AuditRecord, AuditVerdict } from "../../trust/index.ts";

/** Which records of a site's audit log a client wants. */
export interface AuditQuestion {
  /** How far back (`1h`), or a time (`2026-11-30T14:00:00Z`). */
  readonly since?: string | undefined;
  /** The same for the end. */
  readonly until?: string | undefined;
  /** A principal, its name alone, or a label; `*` at the end stands for any rest. */
  readonly by?: string | undefined;
  /** An action; `*` at the end stands for any rest. */
  readonly what?: string | undefined;
  /** A part of what it was done on. */
  readonly on?: string | undefined;
  /** Only what was denied. */
  readonly denied?: boolean | undefined;
  /** Only records behind this number, the oldest first: what `next` of the last answer was. */
  readonly after?: number | undefined;
  /** Records at most (100). */
  readonly limit?: number | undefined;
}
