import assert from "node:assert/strict";
import { test } from "node:test";
import { memberCaller } from "../directory/index.ts";
import { KEY_RIGHTS, MEMBER_RIGHTS, type Members, rightsOf } from "./directory-rights.ts";

const scopes = { channels: [], streams: [], sites: [] };
const TOKEN = {
  ...{ id: "token-1", name: "a", can: ["join"], ...scopes },
  ...{ lineage: "token-1", expiresAt: 0 },
};
const north = memberCaller("north", TOKEN);
const nameless = memberCaller(undefined, TOKEN);

/** A key of each row, about a site. */
const keyOf = (pattern: string, site: string): string =>
  pattern.endsWith("/") ? `${pattern}${site}` : pattern.replace("SITE", site);

for (const [pattern, { reads, writes }] of Object.entries(KEY_RIGHTS)) {
  test(`[A42] ${pattern}: read by ${reads}, written by ${writes} of the members`, () => {
    const [own, other] = [keyOf(pattern, "north"), keyOf(pattern, "south")];
    const may = (who: Members, key: string): boolean =>
      who === "all" || who === "sites" || (who === "its-site" && key === own);
    for (const key of [own, other]) {
      assert.equal(MEMBER_RIGHTS.mayRead(north, key), may(reads, key), key);
      assert.equal(MEMBER_RIGHTS.mayWrite(north, key), may(writes, key), key);
      assert.equal(MEMBER_RIGHTS.mayRead(nameless, key), reads === "all", key);
      assert.equal(MEMBER_RIGHTS.mayWrite(nameless, key), false, key);
      // A prefix is listed where a key below it is read.
      if (may(reads, key)) assert.ok(MEMBER_RIGHTS.mayList(north, key.slice(0, -2)), key);
      assert.equal(
        MEMBER_RIGHTS.mayList(north, `${key}/x/`),
        pattern.endsWith("/") && reads === "all",
      );
    }
  });
}

test("[A42] a key without a row is the leader's alone", () => {
  const keys = [
    ...["sessions", "session/x", "leaders", "site", "configs/north", "config", "config/north/x"],
    ...["access", "access/policy/x", "access/policies", "access/key", "secret", "x/config/north"],
    ...["config/northern", "config/nort", "ids", "doctor", "policy", "streams"],
  ];
  for (const key of keys) {
    assert.equal(MEMBER_RIGHTS.mayRead(north, key), false, key);
    assert.equal(MEMBER_RIGHTS.mayWrite(north, key), false, key);
  }
  assert.deepEqual(rightsOf("secret"), { reads: "none", writes: "none" });
});

test("[A42] what nothing below may be read of is not listed", () => {
  for (const prefix of ["access/tokens/", "access/t", "ids/", "leader", "finalize/north/", "x"])
    assert.equal(MEMBER_RIGHTS.mayList(north, prefix), false, prefix);
  for (const prefix of ["", "s", "access/", "config/", "config/north", "streams/a", "session"])
    assert.equal(MEMBER_RIGHTS.mayList(north, prefix), true, prefix);
  assert.equal(MEMBER_RIGHTS.mayList(north, "config/south"), false);
});

test("[A42] a member takes the leader's calls to its own site alone", () => {
  assert.equal(MEMBER_RIGHTS.mayServe(north, "north"), true);
  assert.equal(MEMBER_RIGHTS.mayServe(north, "south"), false);
  assert.equal(MEMBER_RIGHTS.mayServe(nameless, "north"), false);
});
