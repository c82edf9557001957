import { messageOf } from "../base/index.ts";

/** What the system reports when no connection comes about, in words. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOTFOUND: "host name not found",
  EAI_AGAIN: "host name not resolved",
  ETIMEDOUT: "connection timed out",
};

/** Why a connection could not be made, or ended: `connection refused`. */
export function connectFailure(cause: unknown): string {
  const code = codeOf(cause);
  return WORDS[code] ?? (messageOf(cause) || code);
}

/** A host with several addresses fails with one error for each. */
function codeOf(cause: unknown): string {
  const { code, errors } = (cause ?? {}) as { readonly code?: unknown; readonly errors?: unknown };
  if (typeof code === "string") return code;
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : "";
}
