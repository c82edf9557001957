import type { Admit, ShownToken } from "../../directory/index.ts";
import type { MemberNames, Right } from "../../session/index.ts";
import type { AuditAct } from "../../trust/index.ts";
import type { Grant } from "./grant.ts";
import type { Guard } from "./guard.ts";

/**
 * Admits the peer of a message socket when its token allows `right`.
 *
 * @param act what it does by that, for the audit log
 * @param options outlasts: the peer stays when the token expires, and is removed only when it is revoked; site: the
 *   right has to be for that site
 */
export function admitBy(
  guard: Guard,
  right: Right,
  address: string,
  act: AuditAct,
  { outlasts = false, site }: { readonly outlasts?: boolean; readonly site?: string } = {},
): Admit {
  const need = { anyOf: [right], site };
  return async (token) => {
    const decision = await guard.decide({ token, address }, need, { act });
    if (decision.type === "refused") throw decision.error;
    const { grant } = decision;
    guard.noteGranted({ address }, need, grant, act);
    const expiresAt = Number.POSITIVE_INFINITY;
    const held = outlasts && grant !== undefined ? { ...grant, expiresAt } : grant;
    return {
      token: grant === undefined ? undefined : shownOf(grant),
      hold: (end) => guard.book.hold(held, need, end),
    };
  };
}

/**
 * [A40] Admits a site that `admit` admits, and gives its name to its token, unless that belongs to another.
 *
 * @param refused told of one that is refused because of its name
 */
export function admitMember(
  names: MemberNames,
  admit: Admit,
  refused: (token: ShownToken | undefined, error: unknown) => void,
): Admit {
  return async (shown, site) => {
    const admission = await admit(shown);
    const { token } = admission;
    if (site === undefined) return admission;
    await names.claim(site, token).catch((error: unknown) => {
      refused(token, error);
      throw error;
    });
    return admission;
  };
}

function shownOf({ via, notBefore: _, ...grant }: Grant): ShownToken {
  return { ...grant, lineage: via ?? grant.id };
}
