import { z } from "zod";
import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Directory, Entry, ShownToken } from "../directory/index.ts";
import { tokenIdSchema } from "./access.ts";

/** What {@link MemberNames} work with. */
export interface MemberNamesOptions {
  /** The leader's. */
  readonly directory: Directory;
  /** The leading site: no member has its name. */
  readonly site: string;
  readonly clock: Clock;
}

/** The value of `access/members/NAME`. */
const ownerSchema = z.object({
  /** The token whose descendants the name belongs to. */
  lineage: tokenIdSchema,
  /** When the last of them expires: wall clock, ms. */
  expiresAt: z.number(),
});
export type NameOwner = z.infer<typeof ownerSchema>;

const PREFIX = "access/members/";

/**
 * [A40] Whose the names of a session's members are: a name belongs to the token that a site joined with, and to those
 * that come from it, while one of them counts or the site is a member. Where no token is required, to nobody.
 */
export class MemberNames {
  readonly #directory: Directory;
  readonly #leader: string;
  readonly #clock: Clock;

  constructor({ directory, site, clock }: MemberNamesOptions) {
    this.#directory = directory;
    this.#leader = site;
    this.#clock = clock;
  }

  /**
   * Gives a name to the lineage of a token, until that expires or later.
   *
   * @param token undefined: where none is required
   * @throws {MeanderError} `site-name-taken`, `site-name-owned`, `site-names-exhausted`, `leader-busy`
   */
  async claim(
    site: string,
    token: Pick<ShownToken, "lineage" | "expiresAt"> | undefined,
  ): Promise<void> {
    if (site === this.#leader) throw leadsAlready(site);
    if (token === undefined) return;
    const { lineage, expiresAt } = token;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const entry = await this.#entry(site);
      await this.#permit(site, token, entry);
      const owner = ownerOf(entry);
      const isSame = owner?.lineage === lineage;
      if (isSame && owner.expiresAt >= expiresAt) return;
      if (!isSame) await this.#checkRoom(lineage);
      const value = { lineage, expiresAt };
      if (await this.#directory.compareAndSet(PREFIX + site, entry?.revision ?? 0, value)) return;
    }
    throw new MeanderError("leader-busy", "too many sites claim one name", {
      where: `site ${site}`,
      next: "try again",
    });
  }

  /**
   * [A44] The sites that are put out when tokens are revoked, and the tokens that they could come back with.
   *
   * @param revoked ids of tokens, and the sites whose own tokens [A10] are among them
   */
  async putOut(revoked: {
    readonly ids: readonly string[];
    readonly sites: readonly string[];
  }): Promise<{
    readonly sites: readonly string[];
    /** Revoke them as well: no other site came with them. */
    readonly alone: readonly NameOwner[];
    /** They stay: other sites came with them, too. */
    readonly shared: readonly NameOwner[];
  }> {
    const owned = (await this.#directory.list(PREFIX)).flatMap((entry) => {
      const owner = ownerOf(entry);
      return owner === undefined ? [] : [{ site: entry.key.slice(PREFIX.length), owner }];
    });
    const out = owned.filter(
      ({ site, owner }) => revoked.ids.includes(owner.lineage) || revoked.sites.includes(site),
    );
    const names = new Set(out.map(({ site }) => site));
    const others = new Set(
      owned.filter(({ site }) => !names.has(site)).map(({ owner }) => owner.lineage),
    );
    const left = [...new Map(out.map(({ owner }) => [owner.lineage, owner])).values()].filter(
      ({ lineage }) => !revoked.ids.includes(lineage),
    );
    return {
      sites: [...names],
      alone: left.filter(({ lineage }) => !others.has(lineage)),
      shared: left.filter(({ lineage }) => others.has(lineage)),
    };
  }

  async #permit(
    site: string,
    { lineage }: Pick<ShownToken, "lineage">,
    entry: Entry | undefined,
  ): Promise<void> {
    const owner = ownerOf(entry);
    if (owner === undefined || owner.lineage === lineage) return;
    if (await this.#isKept(site, owner)) throw nameOwned(site, owner);
  }

  async #isKept(site: string, { lineage, expiresAt }: NameOwner): Promise<boolean> {
    const directory = this.#directory;
    if ((await directory.get(`access/revoked/${lineage}`)) !== undefined) return false;
    if (expiresAt > this.#clock.wall()) return true;
    return (await directory.get(`sites/${site}`)) !== undefined;
  }

  async #checkRoom(lineage: string): Promise<void> {
    const most = LIMITS.namesPerTokenMax;
    const entries = await this.#directory.list(PREFIX);
    if (entries.filter((entry) => ownerOf(entry)?.lineage === lineage).length < most) return;
    throw new MeanderError("site-names-exhausted", "sites of too many names came with one token", {
      where: `token ${lineage}`,
      expected: `at most ${most}`,
      next: "make another token with `meander token create --join`",
    });
  }

  #entry(site: string): Promise<Entry | undefined> {
    return this.#directory.get(PREFIX + site);
  }
}

/** Attempts to write a name that others write, too. */
const ATTEMPTS_MAX = 16;

function ownerOf(entry: Entry | undefined): NameOwner | undefined {
  return entry === undefined ? undefined : ownerSchema.safeParse(entry.value).data;
}

/** A member cannot be where the leader is, whatever address it tells. */
function leadsAlready(site: string): MeanderError {
  return new MeanderError("site-name-taken", "it leads the session", {
    where: `site ${site}`,
    expected: "a name that no other site has",
    next: "choose another --name",
  });
}

function nameOwned(site: string, { lineage, expiresAt }: NameOwner): MeanderError {
  const until = new Date(expiresAt).toISOString().slice(0, 19);
  return new MeanderError("site-name-owned", "the name belongs to a site with another token", {
    where: `site ${site}`,
    expected: `token ${lineage}, or one that the leader made from it; it counts until ${until}Z`,
    next: `choose another --name, or put that site out with \`meander token revoke ${lineage}\``,
  });
}
