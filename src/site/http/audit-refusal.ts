import type { MeanderError } from "../../base/index.ts";
import { ANONYMOUS, type AuditFacts, auditOutcome, principalText } from "../../trust/index.ts";
import type { HttpHead } from "./messages.ts";

/** What the audit log says of a request that was refused before anything looked at what it is for. */
export function refusedRequest(
  { method, target, remoteAddress }: Pick<HttpHead, "method" | "target" | "remoteAddress">,
  error: MeanderError,
): AuditFacts {
  const path = target.split("?", 1)[0] ?? "";
  const about = {
    by: principalText(ANONYMOUS),
    from: remoteAddress,
    what: "site.request",
  } as const;
  return { ...about, on: `${method} ${path}`, ...auditOutcome(error) };
}
