import type { MeanderError } from "../base/index.ts";
import {
  type Asker,
  type AskerClaim,
  enforce,
  type PolicyQuestion,
  scopesAtSite,
  signature,
} from "../session/index.ts";
import { type Audit, type AuditAct, auditOutcome } from "../trust/index.ts";
import type { AskLeader } from "./ports.ts";
import type { StreamTable } from "./stream-table.ts";

/** What a {@link SiteJudge} uses. */
export interface SiteJudgePorts {
  /** The name of this site. */
  readonly site: string;
  readonly table: Pick<StreamTable, "rules" | "isJudgedByCode">;
  readonly askLeader: AskLeader;
  readonly audit: Audit;
}

/**
 * Has the policies of the session and of this site judge what is done to the site itself: here by rules, at the leader
 * where one of them is code. [A60]
 */
export class SiteJudge {
  readonly #ports: SiteJudgePorts;

  constructor(ports: SiteJudgePorts) {
    this.#ports = ports;
  }

  /** A shell wants to attach. @throws {MeanderError} `denied`, and the directory's */
  async clientAttaches(asker: Asker, claim: AskerClaim): Promise<void> {
    const { site } = this.#ports;
    const question = { ...signature(asker), action: "client-attach", site } as const;
    const act = { what: "shell.attach", on: `site ${site}` } as const;
    const scopes = scopesAtSite(question, asker);
    try {
      if (scopes.length > 0) await this.#judge(question, scopes, claim);
    } catch (error) {
      this.#note(question, act, error);
      throw error;
    }
  }

  /** A shell that was let attach has left. Policies that are code are told. */
  clientDetached({ by, label }: AskerClaim): void {
    const { site, table, askLeader } = this.#ports;
    if (!table.isJudgedByCode(undefined, site)) return;
    const told = { action: "client-detach", by, ...(label === undefined ? {} : { label }) };
    // Without its leader a site goes on; what a policy counts, it counts at its leader.
    askLeader("judge-action", told).catch(() => {});
  }

  /** The configuration of this site is about to be replaced. @throws {MeanderError} `denied`, and the directory's */
  async configures(by: string): Promise<void> {
    const { site } = this.#ports;
    const question = { by, action: "configure", site } as const;
    await this.#judge(question, scopesAtSite(question, undefined), { by });
  }

  async #judge(
    question: PolicyQuestion & { readonly action: "client-attach" | "configure" },
    scopes: readonly string[],
    claim: AskerClaim,
  ): Promise<void> {
    const { site, table, askLeader } = this.#ports;
    if (table.isJudgedByCode(undefined, site))
      await askLeader("judge-action", { action: question.action, ...claim });
    else for (const scope of scopes) enforce(table.rules(scope), question, scope);
  }

  #note({ by, label }: PolicyQuestion, act: AuditAct, error: unknown): void {
    this.#ports.audit.note({ by, label, ...act, ...auditOutcome(error as MeanderError) });
  }
}
