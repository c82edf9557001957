/**
 * Who did what, and why that was allowed or refused.
 *
 * @module
 */
export { AUDIT_ACTIONS, type AuditAction } from "./audit-actions.ts";
export { AuditFolding } from "./audit-folding.ts";
export { encodeAuditLine, parseAuditLine } from "./audit-line.ts";
export { type AuditCounts, AuditLog } from "./audit-log.ts";
export { type AuditOutcome, auditOutcome } from "./audit-outcome.ts";
export type { AuditPage, AuditQuery } from "./audit-query.ts";
export {
  type Audit,
  type AuditAct,
  type AuditFacts,
  type AuditRecord,
  type AuditVerdict,
  NO_AUDIT,
} from "./audit-record.ts";
export type { AuditStore } from "./audit-store.ts";
