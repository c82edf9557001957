import { assert } from "../../base/index.ts";
import type { SessionTokens } from "../../session/index.ts";
import type { SiteAccess } from "./site-access.ts";

/** [A30] What the leader goes by when a member shows it the token of a shell: what it would, had the shell come itself. */
export function shownTokens(access: SiteAccess): SessionTokens {
  return {
    get isOpen() {
      return access.mode === "open";
    },
    rightsOf: async (token) => {
      const asker = { token, address: "a member site" };
      const decision = await access.guard.decide(asker, { anyOf: [] }, { always: true });
      if (decision.type === "refused") throw decision.error;
      assert(decision.grant !== undefined, "a token that counts says what it allows");
      return decision.grant;
    },
  };
}
