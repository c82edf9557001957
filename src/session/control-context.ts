import type { StreamEvent } from "../agent/define/index.ts";
import { type Clock, LIMITS, type Log, MeanderError, type Random } from "../base/index.ts";
import type { Directory } from "../directory/index.ts";
import type { SiteInstance } from "../stream/index.ts";
import { denied, enforce, type PolicyQuestion } from "./policy.ts";
import { type SiteContact, siteGone } from "./site-contact.ts";
import type { SiteRoster } from "./site-roster.ts";
import { policyRulesSchema } from "./stream-record-schema.ts";
import type { StreamRecord } from "./stream-records.ts";
import type { HeldRecord, StreamStore } from "./stream-store.ts";

/** What the parts of a {@link StreamControl} share. */
export interface ControlContext {
  readonly directory: Directory;
  readonly self: SiteInstance;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: StreamStore;
  readonly roster: SiteRoster;
  readonly contact: SiteContact;
  checkLeads(): Promise<void>;
  tell(stream: string, event: ControlEvent): void;
}

type EventKind = Pick<StreamEvent, "at" | "site" | "stream">;
type WithoutKind<T> = T extends unknown ? Omit<T, keyof EventKind> : never;
/** An event of the leader about streams: a session's event without time, site and stream. */
export type ControlEvent = WithoutKind<StreamEvent>;

/**
 * Asks the policies of the session, the site and the stream, in that order; the first that denies decides. A policy
 * that cannot be read denies. The site asks its own and the stream's again; here they also hold when the site does not
 * answer.
 *
 * @throws {MeanderError} `denied`
 */
export async function checkPolicy(
  context: ControlContext,
  question: PolicyQuestion,
): Promise<void> {
  const { directory, log, tell } = context;
  for (const scope of ["session", `sites/${question.site}`, `streams/${question.stream}`]) {
    const entry = await directory.get(`policy/${scope}`);
    if (entry === undefined) continue;
    try {
      const rules = policyRulesSchema.safeParse(entry.value).data;
      if (rules === undefined) throw denied(question, scope, "its rules are not valid");
      enforce(rules, question, scope);
    } catch (error) {
      const { action, by } = question;
      const reason = error instanceof MeanderError ? error.what : "";
      const { site: peer, ...request } = question;
      log.info("A policy denied a request.", { ...request, peer, reason });
      tell(question.stream, { type: "denied", action, by, reason });
      throw error;
    }
  }
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
