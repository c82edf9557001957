import type { DirectoryRights, MemberCaller } from "../directory/index.ts";

/** Who of the members: each of them, the site that the key names, those that speak for a site, or none. */
export type Members = "all" | "its-site" | "sites" | "none";

/** What members may do with the keys of one kind. The leader's process reads and writes all of them. */
export interface KeyRights {
  readonly reads: Members;
  readonly writes: Extract<Members, "its-site" | "none">;
}

/**
 * [A42] The keys of a session's directory, and what members may do with them. `/` at the end: all keys that start so;
 * `SITE`: the name of a site. A key without a row is the leader's alone.
 */
export const KEY_RIGHTS: Readonly<Record<string, KeyRights>> = {
  // With the link key: what a site is told when it joins.
  session: { reads: "sites", writes: "none" },
  leader: { reads: "none", writes: "none" },
  // By `join` and `leave`.
  "sites/": { reads: "all", writes: "none" },
  "config/SITE": { reads: "its-site", writes: "its-site" },
  // By `open-channel` and `close-channel`.
  "channels/": { reads: "all", writes: "none" },
  "streams/": { reads: "all", writes: "none" },
  // Each site judges by its own policy and by those of its streams, too.
  "policy/": { reads: "all", writes: "none" },
  "policy-history/": { reads: "none", writes: "none" },
  "ids/": { reads: "none", writes: "none" },
  "finalize/": { reads: "none", writes: "none" },
  "access/policy": { reads: "all", writes: "none" },
  "access/revoked/": { reads: "all", writes: "none" },
  // Each site ends the agents of these owners.
  "access/barred/": { reads: "all", writes: "none" },
  "access/tokens/": { reads: "none", writes: "none" },
  "access/members/": { reads: "none", writes: "none" },
};

const SITE = "SITE";
const NONE: KeyRights = { reads: "none", writes: "none" };

/** [A42] What the members of a session may do in its directory. */
export const MEMBER_RIGHTS: DirectoryRights = {
  mayRead: (caller, key) => mayDo(rightsOf(key).reads, caller, key),
  mayList: (caller, prefix) =>
    Object.entries(KEY_RIGHTS).some(([pattern, { reads }]) => {
      const key = pattern.replace(SITE, caller.site ?? "");
      const overlaps = key.startsWith(prefix) || (key.endsWith("/") && prefix.startsWith(key));
      return overlaps && mayDo(reads, caller, key);
    }),
  mayWrite: (caller, key) => mayDo(rightsOf(key).writes, caller, key),
  mayServe: (caller, site) => caller.site === site,
};

/** The row of a key. */
export function rightsOf(key: string): KeyRights {
  for (const [pattern, rights] of Object.entries(KEY_RIGHTS)) {
    if (pattern.endsWith("/") ? key.startsWith(pattern) : key === pattern) return rights;
    const [start = "", end] = pattern.split(SITE);
    if (end !== undefined && key.startsWith(start) && !key.slice(start.length).includes("/"))
      return rights;
  }
  return NONE;
}

function mayDo(who: Members, { site }: MemberCaller, key: string): boolean {
  switch (who) {
    case "all":
      return true;
    case "sites":
      return site !== undefined;
    case "its-site":
      return site !== undefined && key.slice(key.indexOf("/") + 1) === site;
    case "none":
      return false;
  }
}
