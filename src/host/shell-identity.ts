import { type Asker, type AskerClaim, makeAsker, type ShellIdentity } from "../session/index.ts";
import { principalText } from "../trust/index.ts";

/** Who a shell is, for the leader. */
export function claimOf(
  { principal, token }: ShellIdentity,
  label: string | undefined,
): AskerClaim {
  return {
    by: principalText(principal),
    ...(label === undefined ? {} : { label }),
    ...(token === undefined ? {} : { token }),
  };
}

/** Who a shell is, for this site. @param leads whether it is the program of the leading site */
export function askerOf(
  { principal, rights: token }: ShellIdentity,
  label: string | undefined,
  site: string,
  leads = false,
): Asker {
  const administers = principal.kind === "anonymous" || leads;
  return makeAsker({ principal, label, token, administers, site });
}
