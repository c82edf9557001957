import { type Clock, LIMITS, MeanderError } from "../base/index.ts";
import type { Change } from "../directory/index.ts";
import {
  type Asker,
  checkScope,
  commandAsker,
  controls,
  decide,
  denied,
  enforce,
  type JudgeAnswer,
  notYours,
  type PolicyDecision,
  placeOf,
  ruleWords,
  type StreamAction,
  type StreamQuestion,
  type StreamRecord,
  signature,
} from "../session/index.ts";
import { type Denial, type Denies, isStream, type Sender, UNDECIDED } from "../stream/index.ts";
import { type Audit, type AuditOutcome, auditOutcome } from "../trust/index.ts";
import { type AskForGrant, Grants, type GrantVerdict } from "./grants.ts";
import type { AskLeader, ReportEvent } from "./ports.ts";
import type { StreamTable } from "./stream-table.ts";

/** What a {@link PolicyGuard} uses. */
export interface PolicyGuardPorts {
  /** The name of this site. */
  readonly site: string;
  readonly clock: Clock;
  readonly table: Pick<StreamTable, "rules" | "isJudgedByCode" | "authorOf">;
  readonly askLeader: AskLeader;
  readonly report: ReportEvent;
  /** Where denials are noted. */
  readonly audit: Audit;
}

/** Applies the session's policies at this site. */
export class PolicyGuard {
  readonly #ports: PolicyGuardPorts;
  /** What policies that are code have said of senders. */
  readonly #grants: Grants;

  constructor(ports: PolicyGuardPorts) {
    this.#ports = ports;
    this.#grants = new Grants(ports.clock);
  }

  /** A policy has changed: what it said holds no longer. */
  policyChanged(change: Change): void {
    if (change.type === "synced") return;
    const key = change.type === "put" ? change.entry.key : change.key;
    this.#grants.revoke(/^policy\/streams\/(.+)$/.exec(key)?.[1]);
  }

  /**
   * Applies the rules of the site and of the stream to a control message, and reports a denial.
   *
   * @throws {MeanderError} `denied`
   */
  enforce(question: StreamQuestion): void {
    const { site, report } = this.#ports;
    for (const scope of [`sites/${site}`, `streams/${question.stream}`]) {
      const decision = this.#decide(scope, question);
      if (decision.effect === "allow") continue;
      const reason = reasonOf(decision, scope);
      const { stream, action, by } = question;
      report({ type: "denied", stream, action, by, reason });
      const place = placeOf(this.#ports.table.rules(scope), decision.rule);
      const error = denied({ ...question, site }, scope, reason, place);
      this.#note(question, auditOutcome(error));
      throw error;
    }
  }

  /**
   * Judges what a shell of this site wants with a stream that the leader is not asked about: its token, the policies,
   * and whose the stream is, as the leader does.
   *
   * @throws {MeanderError} `denied`, `token-denied`
   */
  authorise(by: Asker, action: StreamAction, record: StreamRecord): void {
    const error = this.denial(by, action, record);
    if (error === undefined) return;
    this.reportDenial(by, action, record.name, error);
    throw error;
  }

  /** Tells of a denial, which is thrown then; of other errors nothing. */
  reportDenial(by: Asker, action: StreamAction, stream: string, error: unknown): void {
    if (!(error instanceof MeanderError) || !error.code.endsWith("denied")) return;
    this.#ports.report({ type: "denied", stream, action, by: by.text, reason: error.what });
    this.#note({ ...signature(by), action, stream }, auditOutcome(error));
  }

  /**
   * Whether one may read what is told of a stream: who may inspect it. Reports nothing.
   *
   * @param ask has the leader judge, where a policy is code
   */
  mayRead(by: Asker, record: StreamRecord, ask: AskForGrant): boolean | Promise<boolean> {
    const { name, site } = record;
    if (!this.#ports.table.isJudgedByCode(name, site))
      return this.denial(by, "inspect", record) === undefined;
    const key = JSON.stringify([name, by.text, by.label, "inspect"]);
    const verdict = this.#grants.check(key, name, ask);
    return verdict instanceof Promise
      ? verdict.then((late) => late === undefined)
      : verdict === undefined;
  }

  /** Why not; undefined: {@link authorise} lets it. Reports nothing. */
  denial(by: Asker, action: StreamAction, record: StreamRecord): MeanderError | undefined {
    const { name: stream, site } = record;
    const question: StreamQuestion = { ...commandAsker(by, action), action, stream, site };
    try {
      checkScope(by, question);
      let isEntitled = false;
      for (const scope of ["session", `sites/${site}`, `streams/${stream}`])
        isEntitled = enforce(this.#ports.table.rules(scope), question, scope) || isEntitled;
      return isEntitled || controls(by, record) ? undefined : notYours(by, action, record);
    } catch (error) {
      return error as MeanderError;
    }
  }

  /**
   * Why a sender may not append to a stream at this site; undefined: it may. A promise: policies that are code are
   * asked about the sender first. Without such policies, and while what they said holds, none is asked. While they
   * cannot be asked, nothing is decided. [A61]
   */
  appendDenial(stream: string, sender: Sender): ReturnType<Denies> {
    const by = principalOf(sender);
    const label = isStream(sender.id) ? undefined : sender.name;
    const denial = (rule: string, reason: string): string => {
      const asked = { action: "append", by: by ?? "anonymous", label, stream } as const;
      this.#note(asked, { verdict: "denied", rule, reason });
      return reason;
    };
    if (by === undefined)
      return denial(
        "principal-refused",
        "what its site says of it names no principal that a shell can have",
      );
    const { site, table, askLeader } = this.#ports;
    const author = isStream(sender.id) ? table.authorOf(sender.name) : undefined;
    for (const scope of ["session", `sites/${site}`, `streams/${stream}`]) {
      const decision = this.#decide(scope, { action: "append", by, label, author, stream, site });
      if (decision.effect === "allow") continue;
      const place = placeOf(this.#ports.table.rules(scope), decision.rule);
      return denial(ruleWords(scope, place), reasonOf(decision, scope));
    }
    if (!table.isJudgedByCode(stream, site)) return undefined;
    const request = { action: "open", stream, by, ...(label === undefined ? {} : { label }) };
    const ask: AskForGrant = async () =>
      (await askLeader("judge-action", request, LIMITS.grantAskMsMax)) as JudgeAnswer | null;
    const key = JSON.stringify([stream, by, label, author]);
    const said = (verdict: GrantVerdict): Denial => {
      if (verdict === undefined) return undefined;
      return verdict.isUndecided === true ? UNDECIDED : denial(verdict.rule, verdict.reason);
    };
    const verdict = this.#grants.check(key, stream, ask);
    return verdict instanceof Promise ? verdict.then(said) : said(verdict);
  }

  #note({ action, by, label, stream }: Omit<StreamQuestion, "site">, outcome: AuditOutcome): void {
    const act = { what: `stream.${action}`, on: `stream ${stream}` } as const;
    this.#ports.audit.note({ by, label, ...act, ...outcome });
  }

  #decide(scope: string, question: StreamQuestion): PolicyDecision {
    return decide(this.#ports.table.rules(scope), question);
  }
}

/** The principal of a sender, as text. Undefined: it pretends to be what no shell is. */
function principalOf({ id, name, principal }: Sender): string | undefined {
  if (isStream(id)) return `stream:${name}`;
  if (principal === undefined) return "anonymous";
  return /^(subject|site):./.test(principal) ? principal : undefined;
}

function reasonOf({ rule }: PolicyDecision, scope: string): string {
  return rule?.reason ?? `policy ${scope} denies it`;
}
