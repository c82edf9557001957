import type { Admit, ShownToken } from "../../directory/index.ts";
import type { MemberNames, Right } from "../../session/index.ts";
import type { Grant } from "./grant.ts";
import type { Guard } from "./guard.ts";

/**
 * Admits the peer of a message socket when its token allows `right`.
 *
 * @param options outlasts: the peer stays when the token expires, and is removed only when it is revoked; site: the
 *   right has to be for that site
 */
export function admitBy(
  guard: Guard,
  right: Right,
  address: string,
  { outlasts = false, site }: { readonly outlasts?: boolean; readonly site?: string } = {},
): Admit {
  const need = { anyOf: [right], site };
  return async (token) => {
    const decision = await guard.decide({ token, address }, need);
    if (decision.type === "refused") throw decision.error;
    const { grant } = decision;
    const expiresAt = Number.POSITIVE_INFINITY;
    const held = outlasts && grant !== undefined ? { ...grant, expiresAt } : grant;
    return {
      token: grant === undefined ? undefined : shownOf(grant),
      hold: (end) => guard.book.hold(held, need, end),
    };
  };
}

/** [A40] Admits a site that `admit` admits, and gives its name to its token, unless that belongs to another. */
export function admitMember(names: MemberNames, admit: Admit): Admit {
  return async (token, site) => {
    const admission = await admit(token);
    if (site !== undefined) await names.claim(site, admission.token);
    return admission;
  };
}

function shownOf({ via, notBefore: _, ...grant }: Grant): ShownToken {
  return { ...grant, lineage: via ?? grant.id };
}
