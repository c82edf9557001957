import { ANONYMOUS, type Principal } from "../trust/index.ts";

/** What a client has shown: the claims of a token of the session. */
export interface ShownToken {
  readonly id: string;
  /** Whom it was issued for, its `sub`. */
  readonly name: string;
  /** Its rights: docs/spec/access.md [A4]. */
  readonly can: readonly string[];
  /** Patterns of what its rights are for. */
  readonly channels: readonly string[];
  readonly streams: readonly string[];
  readonly sites: readonly string[];
  /** The token that this one came from, or its own id: what is revoked together, and whose a site's name is. */
  readonly lineage: string;
  /** Wall clock, ms. */
  readonly expiresAt: number;
}

/** [D24] Who is at the other end of a connection to the directory. */
export interface MemberCaller {
  readonly kind: "member";
  /** The site, else whom the token is for, else anonymous. */
  readonly principal: Principal;
  /** The site that it speaks for, and for no other; undefined: for none. */
  readonly site: string | undefined;
  /** Undefined where no token is required. */
  readonly token: ShownToken | undefined;
}

/** [D24] Who makes a request of the leader: the leader's own process, or a client over its connection. */
export type Caller = { readonly kind: "leader" } | MemberCaller;

/** The leader's own process. It speaks for its site, and for the session. */
export const LEADER_CALLER: Caller = Object.freeze({ kind: "leader" });

/** The client that has shown `token`, and speaks for `site`. */
export function memberCaller(
  site: string | undefined,
  token: ShownToken | undefined,
): MemberCaller {
  const principal: Principal =
    site !== undefined
      ? { kind: "site", name: site }
      : token !== undefined
        ? { kind: "subject", name: token.name }
        : ANONYMOUS;
  return { kind: "member", principal, site, token };
}
