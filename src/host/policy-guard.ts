import type { MeanderError } from "../base/index.ts";
import {
  type Asker,
  checkScope,
  commandAsker,
  controls,
  decide,
  denied,
  enforce,
  notYours,
  type PolicyDecision,
  type PolicyRule,
  placeOf,
  ruleWords,
  type StreamAction,
  type StreamQuestion,
  type StreamRecord,
  signature,
} from "../session/index.ts";
import { isStream, type Sender } from "../stream/index.ts";
import { type Audit, type AuditOutcome, auditOutcome } from "../trust/index.ts";
import type { ReportEvent } from "./ports.ts";

/** What a {@link PolicyGuard} uses. */
export interface PolicyGuardPorts {
  /** The name of this site. */
  readonly site: string;
  /** The rules in force for a scope. */
  rules(scope: string): readonly PolicyRule[];
  /** Who wrote all the code of a stream; undefined: there is no such author. */
  authorOf(stream: string): string | undefined;
  readonly report: ReportEvent;
  /** Where denials are noted. */
  readonly audit: Audit;
}

/** Applies the session's policies at this site. */
export class PolicyGuard {
  readonly #ports: PolicyGuardPorts;

  constructor(ports: PolicyGuardPorts) {
    this.#ports = ports;
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
      const place = placeOf(this.#ports.rules(scope), decision.rule);
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
    this.#ports.report({
      type: "denied",
      ...{ stream: record.name, action, by: by.text, reason: error.what },
    });
    this.#note({ ...signature(by), action, stream: record.name }, auditOutcome(error));
    throw error;
  }

  /** Why not; undefined: {@link authorise} lets it. Reports nothing. */
  denial(by: Asker, action: StreamAction, record: StreamRecord): MeanderError | undefined {
    const { name: stream, site } = record;
    const question: StreamQuestion = { ...commandAsker(by, action), action, stream, site };
    try {
      checkScope(by, question);
      let isEntitled = false;
      for (const scope of ["session", `sites/${site}`, `streams/${stream}`])
        isEntitled = enforce(this.#ports.rules(scope), question, scope) || isEntitled;
      return isEntitled || controls(by, record) ? undefined : notYours(by, action, record);
    } catch (error) {
      return error as MeanderError;
    }
  }

  /** Why a sender may not append to a stream at this site; undefined: it may. */
  appendDenial(stream: string, sender: Sender): string | undefined {
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
    const { site, authorOf } = this.#ports;
    const author = isStream(sender.id) ? authorOf(sender.name) : undefined;
    for (const scope of ["session", `sites/${site}`, `streams/${stream}`]) {
      const decision = this.#decide(scope, { action: "append", by, label, author, stream, site });
      if (decision.effect === "allow") continue;
      const place = placeOf(this.#ports.rules(scope), decision.rule);
      return denial(ruleWords(scope, place), reasonOf(decision, scope));
    }
    return undefined;
  }

  #note({ action, by, label, stream }: Omit<StreamQuestion, "site">, outcome: AuditOutcome): void {
    const act = { what: `stream.${action}`, on: `stream ${stream}` } as const;
    this.#ports.audit.note({ by, label, ...act, ...outcome });
  }

  #decide(scope: string, question: StreamQuestion): PolicyDecision {
    return decide(this.#ports.rules(scope), question);
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
