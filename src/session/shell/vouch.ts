import type { ShellPort } from "../../agent/define/index.ts";
import { LIMITS } from "../../base/index.ts";
import type { Author, Envelope } from "../../trust/index.ts";

/** What is uploaded, and where it is used. */
export interface UploadClaim {
  readonly kind: "agent" | "handler" | "policy";
  readonly source: string;
  readonly scope: string;
}

/** [A70] Has an author sign what is about to be uploaded; by the clock of the site. */
export async function vouch(
  port: Pick<ShellPort, "now">,
  author: Author | undefined,
  { kind, source, scope }: UploadClaim,
): Promise<Envelope | undefined> {
  if (author === undefined) return undefined;
  const issuedAt = Math.max(0, Math.round(port.now()));
  const notAfter = issuedAt + LIMITS.envelopeMs;
  return await author.vouch(source, { kind, scope, issuedAt, notAfter });
}
