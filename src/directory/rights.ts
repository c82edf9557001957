import { MeanderError } from "../base/index.ts";
import type { MemberCaller } from "./caller.ts";

/**
 * [D25] What the clients of a served directory may do with its keys, and for whom they may take calls. What they may
 * ask of the leader is decided by its handler, which is told who asks [D24].
 */
export interface DirectoryRights {
  /** Whether a client may know of a key. */
  mayRead(caller: MemberCaller, key: string): boolean;
  /** Whether a client may know of some keys that start with a prefix: it is told of those alone. */
  mayList(caller: MemberCaller, prefix: string): boolean;
  /** Whether a client may put and delete a key. */
  mayWrite(caller: MemberCaller, key: string): boolean;
  /** Whether a client may take the leader's calls to a site. */
  mayServe(caller: MemberCaller, site: string): boolean;
}

/** A client may not do that. */
export function directoryDenied(caller: MemberCaller, what: string, where: string): MeanderError {
  return new MeanderError("directory-denied", `${nameOf(caller)} may not ${what}`, {
    where,
    expected: "what a site reads and writes by docs/spec/access.md [A42]",
    next: "the leader's process writes the rest; ask it, or change it there",
  });
}

/** A client in words. */
export function nameOf({ site, token, principal }: MemberCaller): string {
  if (site !== undefined) return `site ${site}`;
  return token === undefined ? principal.kind : `the holder of token ${token.id}`;
}
