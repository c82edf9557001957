import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import {
  type Cancel,
  type Clock,
  every,
  LIMITS,
  type Log,
  MeanderError,
  messageOf,
  type Random,
} from "../../base/index.ts";
import type { ListedToken, MadeToken } from "../../client/contract/index.ts";
import type { Caller, Directory, Json } from "../../directory/index.ts";
import {
  barOwner,
  channelPatternsSchema,
  checkSpeaksFor,
  letOwner,
  MemberNames,
  type NameOwner,
  RIGHTS,
  type Right,
  revocationSchema,
  siteNameSchema,
  sitePatternsSchema,
  streamPatternsSchema,
  type TokenRecord,
  tokenIdSchema,
  tokenNameSchema,
  tokenRecordSchema,
} from "../../session/index.ts";
import { type Principal, principalText } from "../../trust/index.ts";
import type { Guard } from "./guard.ts";
import { writeSecret } from "./secret-file.ts";
import type { SessionKey } from "./session-key.ts";
import { type AskedToken, checkScopes, NO_SCOPE } from "./token-scopes.ts";

/** What a {@link TokenIssuer} needs. */
export interface TokenIssuerOptions {
  readonly directory: Directory;
  readonly key: SessionKey;
  /** Of the leading site; knows the session's rules. */
  readonly guard: Guard;
  /** The leader's folder. */
  readonly folder: string;
  /** Name of the leading site. */
  readonly site: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** [A44] Called when tokens of members were revoked: puts these sites out of the session. */
  expel(sites: readonly string[]): Promise<void>;
  /** [A75] The agents of an owner were stopped at all sites, or let run again. */
  stopped(owner: string, isStopped: boolean): void;
}

/** Name of the file with the leader's own administer token. */
export const ADMIN_TOKEN_FILE = "admin-token";

const DAY_MS = 86_400_000;
/** Life of the leader's own token, ms. It is replaced when half of that has passed. */
const ADMIN_MS = 30 * DAY_MS;
/** Life of the token with which a member site returns, ms. */
const MEMBER_MS = 7 * DAY_MS;
/** How often expired tokens are removed, and the leader's token is checked, ms. */
const TIDY_MS = 3_600_000;

const authority = z.string().max(LIMITS.tokenCharactersMax);
const createSchema = z.object({
  authority,
  name: tokenNameSchema,
  can: z.array(z.enum(RIGHTS)).min(1).max(RIGHTS.length),
  channels: channelPatternsSchema,
  streams: streamPatternsSchema.default([]),
  sites: sitePatternsSchema.default([]),
  expiresInMs: z.number().min(1_000).max(LIMITS.tokenMsMax),
});
const listSchema = z.object({ authority });
const revokeSchema = z.object({
  authority,
  id: tokenIdSchema.optional(),
  name: tokenNameSchema.optional(),
});
const renewSchema = z.object({ authority, site: siteNameSchema });

/** Requests that a {@link TokenIssuer} answers. */
const SUBJECTS = ["create-token", "list-tokens", "revoke-tokens", "renew-membership"];

/** Issues, lists and revokes the tokens of a session, at its leader. Each request presents the client's token. [A9] */
export class TokenIssuer {
  readonly #options: TokenIssuerOptions;
  readonly #names: MemberNames;
  #adminId: string | undefined;
  /** Its own housekeeping, one task at a time. */
  #work: Promise<void> = Promise.resolve();
  #cancel: Cancel | undefined;

  constructor(options: TokenIssuerOptions) {
    this.#options = options;
    this.#names = new MemberNames(options);
  }

  /** Whether a request of the directory is for the issuer. */
  static answers(subject: string): boolean {
    return SUBJECTS.includes(subject);
  }

  /** Writes the leader's own token into its folder, renews it, and removes expired tokens. */
  async start(): Promise<void> {
    await this.#inTurn(() => this.#tidy());
    this.#cancel = every(this.#options.clock, "tokens", TIDY_MS, () => {
      this.#inTurn(() => this.#tidy()).catch((error: unknown) =>
        this.#options.log.warn("Expired tokens could not be removed.", { error: messageOf(error) }),
      );
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  /**
   * Answers a request.
   *
   * @throws {MeanderError} `request-invalid`, `request-denied`, `site-name-owned`, `token-…`, and the directory's
   */
  async handle(subject: string, payload: Json, caller: Caller): Promise<Json> {
    switch (subject) {
      case "create-token": {
        const asked = parse(createSchema, subject, payload);
        await this.#authorise(asked.authority, "administer");
        const { authority: _shown, ...token } = asked;
        return jsonOf(await this.#create(token));
      }
      case "list-tokens":
        await this.#authorise(parse(listSchema, subject, payload).authority, "administer");
        return jsonOf({ tokens: await this.#list() });
      case "revoke-tokens": {
        const asked = parse(revokeSchema, subject, payload);
        await this.#authorise(asked.authority, "administer");
        return jsonOf({ revoked: await this.#revoke(asked) });
      }
      default: {
        const { authority: shown, site } = parse(renewSchema, "renew-membership", payload);
        checkSpeaksFor(caller, site, subject);
        const grant = await this.#authorise(shown, "join");
        const claims = { name: `site ${site}`, can: ["join" as const], ...NO_SCOPE };
        const via = grant.via ?? grant.id;
        await this.#names.claim(site, { lineage: via, expiresAt: this.#after(MEMBER_MS) });
        await this.#let({ kind: "site", name: site });
        return jsonOf(await this.#make({ ...claims, expiresInMs: MEMBER_MS, via }));
      }
    }
  }

  async #authorise(token: string, right: Right): Promise<{ id: string; via: string | undefined }> {
    const { guard } = this.#options;
    const asker = { token, address: "a member site" };
    const decision = await guard.decide(asker, { anyOf: [right] }, { always: true });
    if (decision.type === "refused") throw decision.error;
    const { id = "", via } = decision.grant ?? {};
    return { id, via };
  }

  async #create(asked: AskedToken): Promise<MadeToken> {
    checkScopes(asked);
    const { directory } = this.#options;
    if ((await directory.list("access/tokens/")).length >= LIMITS.tokensMax) {
      throw new MeanderError("tokens-exhausted", "the session has its maximum number of tokens", {
        expected: `at most ${LIMITS.tokensMax} that have not expired`,
        next: "revoke some, or issue tokens with shorter lives",
      });
    }
    return await this.#make({ ...asked, via: undefined });
  }

  async #make(asked: AskedToken & { readonly via: string | undefined }): Promise<MadeToken> {
    const { directory, key, clock, random, log } = this.#options;
    const { name, can, channels, streams, sites, expiresInMs, via } = asked;
    const createdAt = clock.wall();
    const expiresAt = this.#after(expiresInMs);
    const words = Array.from({ length: 3 }, () => random.uint32().toString(16).padStart(8, "0"));
    const scopes = { channels, streams, sites };
    const record = { id: words.join(""), name, can, ...scopes, createdAt, expiresAt };
    const token = await key.sign({ ...record, notBefore: createdAt, via });
    await directory.put(`access/tokens/${record.id}`, jsonOf(record));
    log.info("A token was issued.", { id: record.id, name, can, ...scopes });
    await this.#let({ kind: "subject", name });
    return { token, record };
  }

  /** When a token that is made now expires. Times in tokens are seconds. */
  #after(ms: number): number {
    return Math.ceil((this.#options.clock.wall() + ms) / 1000) * 1000;
  }

  async #list(): Promise<ListedToken[]> {
    const { directory } = this.#options;
    const revoked = await this.#revocations();
    const records = (await directory.list("access/tokens/")).flatMap(({ value }) => {
      const record = tokenRecordSchema.safeParse(value).data;
      return record === undefined ? [] : [{ ...record, revokedAt: revoked.get(record.id) ?? null }];
    });
    return records.sort((a, b) => a.createdAt - b.createdAt);
  }

  async #revocations(): Promise<Map<string, number>> {
    const entries = await this.#options.directory.list("access/revoked/");
    return new Map(
      entries.map(({ key, value }) => [
        key.slice("access/revoked/".length),
        revocationSchema.safeParse(value).data?.at ?? 0,
      ]),
    );
  }

  async #revoke({
    id,
    name,
  }: {
    id?: string | undefined;
    name?: string | undefined;
  }): Promise<string[]> {
    const found = (await this.#list()).filter(
      (record) => record.revokedAt === null && (record.id === id || record.name === name),
    );
    // The record of a token that expired is gone; what came from the token is not.
    const ids = found.map((record) => record.id);
    if (id !== undefined && ids.length === 0) ids.push(id);
    const sites = found.flatMap((record) => siteOf(record) ?? []);
    const out = await this.#names.putOut({ ids, sites });
    if (found.length === 0 && out.sites.length === 0) {
      throw new MeanderError("token-unknown", "no valid token of the session matches", {
        where: id === undefined ? `name ${name ?? ""}` : `token ${id}`,
        next: "see `meander token list`",
      });
    }
    const revoked = new Map(found.map((record) => [record.id, record.expiresAt]));
    for (const each of ids) if (!revoked.has(each)) revoked.set(each, 0);
    for (const { lineage, expiresAt } of out.alone) revoked.set(lineage, expiresAt);
    await this.#note(revoked);
    if (this.#adminId !== undefined && revoked.has(this.#adminId))
      await this.#inTurn(() => this.#keepAdminToken());
    await this.#putOut(out.sites, out.shared);
    await this.#bar(found, out.sites);
    return [...revoked.keys()];
  }

  /** @param revoked ids of tokens, and when they expire */
  async #note(revoked: ReadonlyMap<string, number>): Promise<void> {
    const { directory, clock, log } = this.#options;
    const at = clock.wall();
    for (const [id, expires] of revoked) {
      // Tokens derived from it live that long, and are revoked with it.
      const expiresAt = Math.max(expires, at + MEMBER_MS);
      await directory.put(`access/revoked/${id}`, { at, expiresAt });
      log.info("A token was revoked.", { id });
    }
  }

  /** Where no token is required, sites would be back at once. */
  async #putOut(sites: readonly string[], shared: readonly NameOwner[]): Promise<void> {
    const { expel, guard, log } = this.#options;
    if (sites.length === 0 || guard.isOpen) return;
    for (const { lineage: token } of shared) {
      log.warn("A site was put out whose token other sites came with, too: it may come back.", {
        ...{ sites, token },
        next: "revoke that token as well, and give the other sites tokens of their own",
      });
    }
    await expel(sites);
  }

  /** [A75] Agents run no more whose owners have no token that counts, nor those of sites that were put out. */
  async #bar(found: readonly TokenRecord[], sites: readonly string[]): Promise<void> {
    const { directory, clock, guard, stopped, log } = this.#options;
    if (guard.isOpen) return;
    const now = clock.wall();
    const counting = (await this.#list())
      .filter(({ revokedAt, expiresAt }) => revokedAt === null && expiresAt > now)
      .map(({ name }) => name);
    const owners = new Map<string, string>();
    for (const { id, name } of found)
      if (!counting.includes(name)) owners.set(principalText({ kind: "subject", name }), id);
    for (const name of sites) owners.set(principalText({ kind: "site", name }), `site-${name}`);
    for (const [owner, id] of owners) {
      if (!(await barOwner(directory, id, { owner, at: now }))) continue;
      log.info("Agents of an owner run no more: its tokens were revoked.", { owner });
      stopped(owner, true);
    }
  }

  async #let(owner: Principal): Promise<void> {
    const { directory, stopped, log } = this.#options;
    const text = principalText(owner);
    if (!(await letOwner(directory, text))) return;
    log.info("Agents of an owner run again: it has a token.", { owner: text });
    stopped(text, false);
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(task);
    this.#work = turn.catch(() => {});
    return turn;
  }

  async #tidy(): Promise<void> {
    const { directory, clock } = this.#options;
    const now = clock.wall();
    for (const prefix of ["access/tokens/", "access/revoked/", "access/members/"]) {
      for (const { key, value, revision } of await directory.list(prefix)) {
        const { expiresAt } = expirySchema.safeParse(value).data ?? { expiresAt: 0 };
        if (expiresAt > now) continue;
        // The name of a member is its own, though its token expired.
        const member = key.startsWith("access/members/") ? key.split("/")[2] : undefined;
        if (member !== undefined && (await directory.get(`sites/${member}`)) !== undefined)
          continue;
        await directory.delete(key, revision);
      }
    }
    await this.#keepAdminToken();
  }

  /** [A9] A user who may read the leader's folder may administer the session. */
  async #keepAdminToken(): Promise<void> {
    const { folder, guard, clock, site } = this.#options;
    const file = join(folder, ADMIN_TOKEN_FILE);
    const there = (await readFile(file, "utf8").catch(() => "")).trim();
    const asker = { token: there, address: "the leader's folder" };
    const decision = await guard.decide(asker, { anyOf: ["administer"] }, { always: true });
    const grant = decision.type === "granted" ? decision.grant : undefined;
    if (grant !== undefined && grant.expiresAt - clock.wall() > ADMIN_MS / 2) {
      this.#adminId = grant.id;
      return;
    }
    const claims = { name: `leader ${site}`, can: ["administer" as const], ...NO_SCOPE };
    const { token, record } = await this.#create({ ...claims, expiresInMs: ADMIN_MS });
    await writeSecret(file, `${token}\n`);
    this.#adminId = record.id;
  }
}

/** The site whose own token that is. [A10] */
function siteOf({ name, can }: TokenRecord): string | undefined {
  const [, site] = /^site (.+)$/.exec(name) ?? [];
  return can.includes("join") ? site : undefined;
}

const expirySchema = z.object({ expiresAt: z.number() });

function parse<T>(schema: z.ZodType<T>, subject: string, payload: Json): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const { message = "invalid", path = [] } = parsed.error.issues[0] ?? {};
  throw new MeanderError("request-invalid", message, {
    where: [`request ${subject}`, ...path].join("."),
  });
}

/** Parts that are all JSON, as JSON. */
function jsonOf(value: object): Json {
  return value as unknown as Json;
}
