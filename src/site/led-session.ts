import type { StreamEvent } from "../agent/index.ts";
import { type Clock, type Log, MeanderError, type Random } from "../base/index.ts";
import { authorChecks } from "../code/index.ts";
import {
  DirectoryServer,
  type LeaderDirectory,
  type MessageSocket,
  type RequestHandler,
  type ShownToken,
} from "../directory/index.ts";
import {
  type AccessPolicy,
  accessPolicySchema,
  Leader,
  MEMBER_RIGHTS,
  MemberNames,
  type PolicyJudge,
  type SiteRecord,
} from "../session/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { ANONYMOUS, type Audit, auditOutcome, principalText } from "../trust/index.ts";
import { admitBy, admitMember } from "./access/admit.ts";
import { SessionKey } from "./access/session-key.ts";
import { shownTokens } from "./access/shown-tokens.ts";
import type { SiteAccess } from "./access/site-access.ts";
import { TokenIssuer } from "./access/token-issuer.ts";
import { auditedRequests } from "./audit/leader-acts.ts";

/** What a site leads a session with. */
export interface LedSessionOptions {
  /** Its own; stays the caller's. */
  readonly directory: LeaderDirectory;
  /** The site's folder, with the session's key. */
  readonly folder: string;
  readonly self: SiteInstance;
  readonly access: SiteAccess;
  readonly policy: Pick<AccessPolicy, "mode" | "public">;
  /** Where it is noted what sites ask, and what becomes of it. */
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Judges by policies that are code. */
  readonly judge: PolicyJudge;
  /** Whether the process of a site has certainly ended. */
  isEnded(record: SiteRecord): Promise<boolean>;
  /** Called with what this site, as the leader, did with streams. */
  onLed(event: StreamEvent): void;
}

/** A session that this site leads: its directory, served to members, its decisions, and its tokens. */
export class LedSession {
  readonly #options: LedSessionOptions;
  readonly #leader: Leader;
  readonly #tokens: TokenIssuer;
  readonly #names: MemberNames;
  readonly #server: DirectoryServer;

  private constructor(options: LedSessionOptions, key: SessionKey) {
    const { directory, folder, self, access, audit, clock, random, log } = options;
    const { site, instance } = self;
    this.#options = options;
    this.#leader = new Leader({
      ...{ directory, clock, random, log, site, instance },
      streams: {
        calls: directory.sites,
        isEnded: (other) => options.isEnded(other),
        tokens: shownTokens(access),
        judge: options.judge,
        authors: authorChecks({ fetch: (sha256) => directory.getBlob(sha256) }),
        audit,
        onEvent: (event) => options.onLed(event),
      },
    });
    const { guard } = access;
    this.#tokens = new TokenIssuer({
      ...{ directory, key, guard, clock, random, log, site, folder },
      expel: (sites) => this.#expel(sites),
      stopped: (owner, isStopped) => this.#noteStop(owner, isStopped),
    });
    this.#names = new MemberNames({ directory, site, clock });
    this.#server = new DirectoryServer(directory, {
      ...{ log, clock, audit, rights: MEMBER_RIGHTS },
    });
  }

  /** Writes the session's rules, follows them, and answers requests from then on. */
  static async open(options: LedSessionOptions): Promise<LedSession> {
    const { directory, folder, access, policy } = options;
    const key = await SessionKey.open(folder);
    await voidFormer(options, key);
    await directory.put("access/policy", { ...policy, key: key.public });
    // Its rules hold before it admits others.
    await access.start(directory);
    const led = new LedSession(options, key);
    await led.#start();
    return led;
  }

  /** A member, or what claims to be one, connects. @param address IP address */
  accept(socket: MessageSocket, address: string): void {
    const { audit, access } = this.#options;
    const admit = admitBy(access.guard, "join", address, CONNECTS, { outlasts: true });
    const refused = (token: ShownToken | undefined, error: unknown): void => {
      const by = principalText(
        token === undefined ? ANONYMOUS : { kind: "subject", name: token.name },
      );
      audit.note({ by, token: token?.id, from: address, ...CONNECTS, ...auditOutcome(error) });
    };
    this.#server.attach(socket, admitMember(this.#names, admit, refused));
  }

  /** What the directory's server and the leader's check of authors refused, by reason. */
  get refused(): Readonly<Record<string, number>> {
    return { ...this.#server.counts.toJSON(), ...this.#leader.refusedAuthors };
  }

  /** Answers nobody any more. */
  stop(): void {
    this.#tokens.stop();
    this.#leader.stop();
    this.#server.close();
  }

  /** [A44] First their connections end: they are not told the new link key. */
  async #expel(sites: readonly string[]): Promise<void> {
    const { audit, self } = this.#options;
    const by = principalText({ kind: "site", name: self.site });
    for (const site of sites) {
      const act = { what: "session.expel", on: `site ${site}` } as const;
      audit.note({ by, ...act, verdict: "allowed", rule: "token-revoked" });
      this.#server.dismiss(site, putOut(site));
    }
    await this.#leader.expel(sites);
  }

  /** [A75] */
  #noteStop(owner: string, isStopped: boolean): void {
    const { audit, self } = this.#options;
    const by = principalText({ kind: "site", name: self.site });
    const what = isStopped ? "code.stop" : "code.resume";
    const rule = isStopped ? "token-revoked" : "right administer";
    audit.note({ by, what, on: `agents of ${owner}`, verdict: "allowed", rule });
  }

  async #start(): Promise<void> {
    await this.#tokens.start();
    const { directory, audit, access, self, clock } = this.#options;
    const { guard } = access;
    const answer: RequestHandler = (subject, payload, caller) =>
      TokenIssuer.answers(subject)
        ? this.#tokens.handle(subject, payload, caller)
        : this.#leader.handle(subject, payload, caller);
    directory.setRequestHandler(auditedRequests({ audit, guard, site: self.site, clock }, answer));
  }
}

const CONNECTS = { what: "session.connect", on: "the session's directory" } as const;

/** [A45] What was signed with another key counts no more: nor do the names that sites have by it. */
async function voidFormer(
  { directory, self, audit, log }: LedSessionOptions,
  key: SessionKey,
): Promise<void> {
  const former = accessPolicySchema.safeParse((await directory.get("access/policy"))?.value).data;
  if (former === undefined || former.key.id === key.public.id) return;
  const by = principalText({ kind: "site", name: self.site });
  const made = { what: "session.key", on: `key ${key.public.id}` } as const;
  audit.note({ by, ...made, verdict: "allowed", rule: "access-key.json" });
  log.warn("The session has a new key: all tokens of before are void.", {
    ...{ key: key.public.id, former: former.key.id },
    next: "issue new ones with `meander token create`, for the sites of the session, too",
  });
  for (const prefix of ["access/tokens/", "access/revoked/", "access/barred/", "access/members/"])
    for (const entry of await directory.list(prefix)) await directory.delete(entry.key);
}

function putOut(site: string): MeanderError {
  return new MeanderError("token-revoked", "the site was put out of the session", {
    where: `site ${site}`,
    next: "join again with a new token, if it may",
  });
}
