/**
 * Who asks, how that is shown, and what is written down of it.
 *
 * @module
 */
export {
  AUDIT_ACTIONS,
  type Audit,
  type AuditAct,
  type AuditAction,
  type AuditCounts,
  type AuditFacts,
  AuditFolding,
  AuditLog,
  type AuditOutcome,
  type AuditPage,
  type AuditQuery,
  type AuditRecord,
  type AuditStore,
  type AuditVerdict,
  auditOutcome,
  encodeAuditLine,
  NO_AUDIT,
  parseAuditLine,
} from "./audit/index.ts";
export {
  type Author,
  AuthorKey,
  authorSchema,
  checkEnvelope,
  type Envelope,
  type EnvelopeClaims,
  envelopeSchema,
  readEnvelope,
  type SignatureCheck,
  signedText,
} from "./authors/index.ts";
export {
  ANONYMOUS,
  isSamePrincipal,
  type Principal,
  principalText,
  readPrincipal,
} from "./principal.ts";
