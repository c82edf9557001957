import { ANONYMOUS, principalText } from "../../trust/index.ts";
import type { Grant, Need } from "./grant.ts";

/**
 * Who has a grant, as the audit log has it: whom the token was issued for, and the token's id.
 *
 * @param site the site that asks for itself; undefined: another client does
 */
export function whoHas(
  grant: Grant | undefined,
  site?: string,
): { readonly by: string; readonly token?: string } {
  if (site !== undefined) return { by: principalText({ kind: "site", name: site }) };
  if (grant === undefined) return { by: principalText(ANONYMOUS) };
  return { by: principalText({ kind: "subject", name: grant.name }), token: grant.id };
}

/** Why a grant covers a need, in words: `right publish`. Without one, the channel is public. */
export function grantWords(grant: Grant | undefined, { anyOf }: Need): string {
  if (grant === undefined) return "public";
  const right = anyOf.find((each) => grant.can.includes(each));
  if (right !== undefined) return `right ${right}`;
  return anyOf.length === 0 ? "any token" : "right administer";
}
