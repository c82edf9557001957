import type { Admit } from "../../directory/index.ts";
import type { Right } from "../../session/index.ts";
import type { AuditAct } from "../../trust/index.ts";
import type { Guard } from "./guard.ts";

/**
 * Admits the peer of a message socket when its token allows `right`.
 *
 * @param act what it does by that, for the audit log
 * @param options outlasts: the peer stays when the token expires, and is removed only when it is revoked
 */
export function admitBy(
  guard: Guard,
  right: Right,
  address: string,
  act: AuditAct,
  { outlasts = false }: { readonly outlasts?: boolean } = {},
): Admit {
  const need = { anyOf: [right] };
  return async (token) => {
    const decision = await guard.decide({ token, address }, need, { act });
    if (decision.type === "refused") throw decision.error;
    const { grant } = decision;
    guard.noteGranted({ address }, need, grant, act);
    const expiresAt = Number.POSITIVE_INFINITY;
    const held = outlasts && grant !== undefined ? { ...grant, expiresAt } : grant;
    return (end) => guard.book.hold(held, need, end);
  };
}
