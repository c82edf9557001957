import {
  decide,
  denied,
  type PolicyDecision,
  type PolicyQuestion,
  type PolicyRule,
} from "../session/index.ts";
import type { ReportEvent } from "./ports.ts";

/** What a {@link PolicyGuard} uses. */
export interface PolicyGuardPorts {
  /** The name of this site. */
  readonly site: string;
  /** The rules in force for a scope. */
  rules(scope: string): readonly PolicyRule[];
  readonly report: ReportEvent;
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
  enforce(question: PolicyQuestion): void {
    const { site, report } = this.#ports;
    for (const scope of [`sites/${site}`, `streams/${question.stream}`]) {
      const decision = this.#decide(scope, question);
      if (decision.effect === "allow") continue;
      const reason = reasonOf(decision, scope);
      const { stream, action, by } = question;
      report({ type: "denied", stream, action, by, reason });
      throw denied({ ...question, site }, scope, reason);
    }
  }

  /** Why a sender may not append to a stream at this site; undefined: it may. */
  appendDenial(stream: string, sender: string): string | undefined {
    const { site } = this.#ports;
    for (const scope of ["session", `sites/${site}`, `streams/${stream}`]) {
      const decision = this.#decide(scope, { action: "append", by: sender, stream, site });
      if (decision.effect === "deny") return reasonOf(decision, scope);
    }
    return undefined;
  }

  #decide(scope: string, question: PolicyQuestion): PolicyDecision {
    return decide(this.#ports.rules(scope), question);
  }
}

function reasonOf({ rule }: PolicyDecision, scope: string): string {
  return rule?.reason ?? `policy ${scope} denies it`;
}
