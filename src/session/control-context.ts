import type { PolicyFacts, StreamEvent } from "../agent/define/index.ts";
import { type Clock, LIMITS, type Log, MeanderError, type Random } from "../base/index.ts";
import type { Directory } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import type { Audit } from "../trust/index.ts";
import { type Asker, checkScope, commandAsker, controls, notYours, signature } from "./asker.ts";
import type { Askers } from "./askers.ts";
import type { Authorship } from "./authorship.ts";
import type { PolicyJudge } from "./code-policy.ts";
import type { JudgedRequests } from "./judged-requests.ts";
import { passPolicies } from "./judgement.ts";
import type { PolicyStore } from "./policy-store.ts";
import type { PolicyReader } from "./read-policy.ts";
import { type SiteContact, siteGone } from "./site-contact.ts";
import type { SiteRoster } from "./site-roster.ts";
import type { StreamAction, StreamRecord } from "./stream-records.ts";
import type { HeldRecord, StreamStore } from "./stream-store.ts";

/** What the parts of a {@link StreamControl} share. */
export interface ControlContext {
  readonly directory: Directory;
  readonly self: SiteInstance;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: StreamStore;
  readonly policies: PolicyStore;
  /** What policies have judged. */
  readonly judged: JudgedRequests;
  readonly reader: PolicyReader;
  readonly roster: SiteRoster;
  readonly contact: SiteContact;
  readonly askers: Askers;
  readonly authors: Authorship;
  /** What judges by policies that are code; undefined: such policies deny. */
  readonly judge?: PolicyJudge | undefined;
  /** Where denials are noted that are no answer to a request. */
  readonly audit: Audit;
  checkLeads(): Promise<void>;
  tell(stream: string, event: ControlEvent): void;
}

type EventKind = Pick<StreamEvent, "at" | "site" | "stream">;
type WithoutKind<T> = T extends unknown ? Omit<T, keyof EventKind> : never;
/** An event of the leader about streams: a session's event without time, site and stream. */
export type ControlEvent = WithoutKind<StreamEvent>;

/** A request about a stream, to be judged. */
export interface ControlQuestion {
  readonly by: Asker;
  readonly action: StreamAction;
  readonly stream: string;
  /** The site that it would be at. */
  readonly site: string;
  /** Who wrote the code that is brought; undefined: none is, or it is not signed. */
  readonly author?: string | undefined;
  /** The stream's; undefined: whose it is does not matter. */
  readonly record?: StreamRecord | undefined;
  /** What comes with it. */
  readonly facts?: PolicyFacts | undefined;
  /** Bytes of the briefcase that comes with it. */
  readonly briefcaseBytes?: number | undefined;
}

/**
 * Judges a request about a stream: whether the token of who asks covers it, what the policies of the session, the site
 * and the stream say, in that order, and whose the stream is. The first policy that denies decides, and so does one
 * that cannot be read. The site asks its own policy and the stream's again; here they also hold when the site does not
 * answer.
 *
 * @throws {MeanderError} `denied`, `token-denied`
 */
export async function authorise(context: ControlContext, question: ControlQuestion): Promise<void> {
  const { by, action, stream, site: peer } = question;
  try {
    await judgeControl(context, question);
  } catch (error) {
    if (!(error instanceof MeanderError)) throw error;
    if (error.code !== "denied" && error.code !== "token-denied") throw error;
    const reason = error.what;
    context.log.info("A request was denied.", { ...signature(by), action, stream, peer, reason });
    context.tell(stream, { type: "denied", action, by: by.text, reason });
    throw error;
  }
}

/** The same, and tells nobody of a denial. @throws {MeanderError} `denied`, `token-denied` */
export async function judgeControl(
  context: ControlContext,
  question: ControlQuestion,
): Promise<void> {
  const { by, action, stream, site, author, record, facts, briefcaseBytes } = question;
  checkScope(by, question);
  const asked = { ...commandAsker(by, action, author), action, stream, site, ...facts };
  const isOwn = record === undefined || controls(by, record);
  const refusal = isOwn ? undefined : notYours(by, action, record);
  await passPolicies(context, asked, { owner: record?.owner, briefcaseBytes, refusal });
}

/** The running start of a member. @throws {MeanderError} `site-unknown`, `site-gone` */
export function reachable({ roster, contact }: ControlContext, site: string): SiteInstance {
  const member = memberOf(roster, site);
  if (!contact.reaches(member)) throw siteGone(member, "the leader has no contact with it");
  return member;
}

/** The start of a member that the directory has. @throws {MeanderError} `site-unknown` */
export function memberOf(roster: SiteRoster, site: string): SiteInstance {
  const member = roster.instanceOf(site);
  if (member !== undefined) return member;
  throw new MeanderError("site-unknown", `no site is named ${JSON.stringify(site.slice(0, 60))}`, {
    where: "session",
    expected: `one of its sites: ${roster.names.join(", ")}`,
  });
}

/** A stream's place. @throws {MeanderError} `stream-lost` */
export function hostOf({
  record: { name, site, instance, status, why },
}: HeldRecord): SiteInstance {
  if (status === "live") return { site, instance };
  throw new MeanderError(
    "stream-lost",
    why ?? "its site ended, and no failure manager has taken it over",
    {
      where: `stream ${name}`,
      next: "retry after a takeover",
    },
  );
}

/**
 * The record with the stream at another site, at `epoch`: moved there by `move`, or else taken over. Over the limit the
 * oldest visited sites are forgotten.
 */
export function movedTo(
  record: StreamRecord,
  { site, instance }: SiteInstance,
  streamEpoch: number,
  move?: string,
): StreamRecord {
  const { why: _why, move: _move, ...rest } = record;
  const visited = record.visited.includes(site)
    ? record.visited
    : [...record.visited, site].slice(-LIMITS.streamVisitedMax);
  const arrived = { ...rest, site, instance, streamEpoch, status: "live", visited } as const;
  return move === undefined ? arrived : { ...arrived, move };
}
