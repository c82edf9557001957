import { LIMITS } from "../../base/index.ts";
import type { AuditAction } from "./audit-actions.ts";

/** What became of it: it was done; it was refused; it was allowed, and could not be done. */
export type AuditVerdict = "allowed" | "denied" | "failed";

/** What is noted of one act, by the part that judged it. It never has a secret or a payload. */
export interface AuditFacts {
  /** Who: a principal, as `principalText` writes it. */
  readonly by: string;
  /** The name that a shell gave itself. */
  readonly label?: string | undefined;
  /** Id of the token that was shown. Never its text. */
  readonly token?: string | undefined;
  /** From where: an IP address, or `site NAME`. */
  readonly from?: string | undefined;
  readonly what: AuditAction;
  /** On what: `stream radio`, `channel news`, `key access/policy`. */
  readonly on: string;
  readonly verdict: AuditVerdict;
  /** Why: the right, the policy's scope and rule, or the code of the error. */
  readonly rule: string;
  /** The same for people, of what was denied. */
  readonly reason?: string | undefined;
  /** How long it took, ms. */
  readonly ms?: number | undefined;
  /** How many like it this stands for; undefined: one. */
  readonly count?: number | undefined;
  /** The time in which they came, ms. */
  readonly overMs?: number | undefined;
}

/** What somebody wants to do. */
export type AuditAct = Pick<AuditFacts, "what" | "on">;

/** An entry of an audit log. */
export interface AuditRecord extends AuditFacts {
  /** Rises by one with each record of a site, over restarts too. */
  readonly number: number;
  /** Wall clock, ms. */
  readonly at: number;
  /** The site that judged it. */
  readonly site: string;
}

/** Where acts are noted. */
export interface Audit {
  /** Notes an act. It never throws, and waits for nothing. */
  note(facts: AuditFacts): void;
}

/** Notes nothing: for parts that run without a site. */
export const NO_AUDIT: Audit = Object.freeze({ note() {} });

/** What a token looks like: it may have been typed where a name belongs. */
const TOKEN = /eyJ[\w-]{8,}\.[\w.-]*/g;
/** What a link key looks like. Hashes of code do as well, and stand behind that word. */
const KEY = /(?<![0-9a-f])(?<!code )[0-9a-f]{64}(?![0-9a-f])/g;

/** The facts with every text bounded, without what looks like a secret, and with times that people can read. */
export function withoutSecrets(facts: AuditFacts): AuditFacts {
  const { label, token, from, reason, ms } = facts;
  return {
    ...facts,
    by: clean(facts.by),
    ...(label === undefined ? {} : { label: clean(label) }),
    ...(token === undefined ? {} : { token: clean(token) }),
    ...(from === undefined ? {} : { from: clean(from) }),
    on: clean(facts.on),
    rule: clean(facts.rule),
    ...(reason === undefined ? {} : { reason: clean(reason) }),
    ...(ms === undefined ? {} : { ms: Math.round(ms * 10) / 10 }),
  };
}

function clean(text: string): string {
  const cut = text.length <= LONG ? text : text.slice(0, LONG);
  const masked = cut.replace(TOKEN, "(a token)").replace(KEY, "(a key)");
  return masked.length <= LIMITS.auditTextMax
    ? masked
    : `${masked.slice(0, LIMITS.auditTextMax - 1)}…`;
}

/** What is looked at: a token that begins within the bound is masked whole. */
const LONG = LIMITS.auditTextMax + LIMITS.tokenCharactersMax;
