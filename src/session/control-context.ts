import type { PolicyRequest, StreamEvent } from "../agent/define/index.ts";
import { type Clock, LIMITS, type Log, MeanderError, type Random } from "../base/index.ts";
import type { Directory } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { type Asker, checkScope, controls, notYours, signature } from "./asker.ts";
import type { Askers } from "./askers.ts";
import { codePolicySchema, type PolicyJudge } from "./code-policy.ts";
import { type JudgedRequests, scopesOf } from "./judged-requests.ts";
import { denied, enforce, type PolicyQuestion } from "./policy.ts";
import type { PolicyStore } from "./policy-store.ts";
import { type SiteContact, siteGone } from "./site-contact.ts";
import type { SiteRoster } from "./site-roster.ts";
import { policyRulesSchema } from "./stream-record-schema.ts";
import type { PolicyAction, StreamRecord } from "./stream-records.ts";
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
  readonly roster: SiteRoster;
  readonly contact: SiteContact;
  readonly askers: Askers;
  /** What judges by policies that are code; undefined: such policies deny. */
  readonly judge?: PolicyJudge | undefined;
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
  readonly action: PolicyAction;
  readonly stream: string;
  /** The site that it would be at. */
  readonly site: string;
  /** The stream's; undefined: whose it is does not matter. */
  readonly record?: StreamRecord | undefined;
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
    checkScope(by, question);
    await judge(context, question);
  } catch (error) {
    if (!(error instanceof MeanderError)) throw error;
    if (error.code !== "denied" && error.code !== "token-denied") throw error;
    const reason = error.what;
    context.log.info("A request was denied.", { ...signature(by), action, stream, peer, reason });
    context.tell(stream, { type: "denied", action, by: by.text, reason });
    throw error;
  }
}

/** Asks the policies, and whose the stream is, and remembers what became of it. @throws {MeanderError} `denied` */
async function judge(
  context: ControlContext,
  { by, action, stream, site, record }: ControlQuestion,
): Promise<void> {
  const question: PolicyQuestion = { ...signature(by), action, stream, site };
  const request = { ...question, owner: record?.owner, at: context.clock.wall() };
  const isOwn = record === undefined || controls(by, record);
  try {
    const isEntitled = await passPolicies(context, question, request);
    if (!isOwn && !isEntitled) throw notYours(by, action, record);
    context.judged.note(request, isOwn, undefined);
  } catch (error) {
    if (error instanceof MeanderError && error.code === "denied")
      context.judged.note(request, isOwn, error);
    throw error;
  }
}

/**
 * Whether a policy lets who asks do it, whoever owns the stream.
 *
 * @param request the question, as code sees it
 * @throws {MeanderError} `denied`
 */
async function passPolicies(
  { directory, judge }: ControlContext,
  question: PolicyQuestion,
  request: PolicyRequest,
): Promise<boolean> {
  let isEntitled = false;
  for (const scope of scopesOf(request)) {
    const entry = await directory.get(`policy/${scope}`);
    if (entry === undefined) continue;
    if (!Array.isArray(entry.value)) {
      const policy = codePolicySchema.safeParse(entry.value).data;
      if (policy === undefined) throw denied(question, scope, "its rules are not valid");
      const verdict = await judge?.judge(scope, policy, request);
      if (verdict?.effect !== "allow")
        throw denied(question, scope, verdict?.reason ?? "its code does not allow it");
      continue;
    }
    const rules = policyRulesSchema.safeParse(entry.value).data;
    if (rules === undefined) throw denied(question, scope, "its rules are not valid");
    isEntitled = enforce(rules, question, scope) || isEntitled;
  }
  return isEntitled;
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
