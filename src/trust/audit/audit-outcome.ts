import { isAboutToken, MeanderError } from "../../base/index.ts";
import type { AuditFacts } from "./audit-record.ts";

/** What a refusal says of itself in an audit log. */
export type AuditOutcome = Pick<AuditFacts, "verdict" | "rule" | "reason">;

/** Codes, besides those about tokens, of what was refused to the one who asked. Others failed for everybody. */
const DENIED: ReadonlySet<string> = new Set([
  ...["denied", "request-denied", "principal-refused", "site-name-owned", "site-name-taken"],
  ...["directory-denied", "site-names-exhausted"],
  ...["host-refused", "origin-refused", "open-required", "port-refused"],
  ...["input-foreign", "inputs-exhausted", "rate-limited"],
]);

/**
 * What became of an act that ended with an error. Only refusals come with their text: those of faults may repeat what
 * was sent.
 */
export function auditOutcome(error: unknown): AuditOutcome {
  if (!(error instanceof MeanderError)) return { verdict: "failed", rule: "internal" };
  const { code, what, where } = error;
  if (!DENIED.has(code) && !isAboutToken(code)) return { verdict: "failed", rule: code };
  // Of a policy that denies, where it stands says more than the code.
  const rule = code === "denied" && where !== undefined ? where : code;
  return { verdict: "denied", rule, reason: what };
}
