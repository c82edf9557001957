import { timingSafeEqual } from "node:crypto";
import { type Clock, Counters, LIMITS, type MeanderError } from "../../base/index.ts";
import { type AccessPolicy, matchesChannel } from "../../session/index.ts";
import { type Audit, type AuditAct, auditOutcome, NO_AUDIT } from "../../trust/index.ts";
import {
  type TokenFault,
  tokenDenied,
  tokenEarly,
  tokenExpired,
  tokenFaulty,
  tokenRequired,
  tokenRevoked,
  tokenThrottled,
} from "./access-errors.ts";
import { ActiveGrants } from "./active-grants.ts";
import { AddressMeter } from "./address-meter.ts";
import { covers, type Grant, type Need } from "./grant.ts";
import { grantWords, whoHas } from "./granted-facts.ts";
import { TokenVerifier } from "./token-verifier.ts";

/** What a guard decides by: the rules of the session, and how this site was started. Structured-cloneable. */
export interface GuardRules extends AccessPolicy {
  /** Ids of tokens that were revoked. */
  readonly revoked: readonly string[];
  /** What the site presents to itself, to record channels. */
  readonly ownToken: string;
  /** The site, which is who presents that. */
  readonly site?: string | undefined;
}

/** A client. */
export interface Asker {
  /** As it was given; undefined or empty: none. */
  readonly token: string | undefined;
  /** IP address. */
  readonly address: string;
}

/** How a {@link Guard} decides about one request. */
export interface DecideOptions {
  /** A token is required even where the site is open. */
  readonly always?: boolean;
  /** What is wanted, for the audit log; undefined: nothing is noted. */
  readonly act?: AuditAct | undefined;
}

/** A guard's decision. `grant` is undefined where no token is required. */
export type Decision =
  | { readonly type: "granted"; readonly grant: Grant | undefined }
  | { readonly type: "refused"; readonly error: MeanderError };

/** A decision, with whom it is about: of a refusal, only if the token is the session's. */
type Verdict = Decision & { readonly grant: Grant | undefined };

/** Tokens that an address may show which are not valid: one is forgiven after a second. [A11] */
const TOKEN_FAILURES = { max: LIMITS.tokenFailuresMax, forgivenMs: 1_000 };

/** How long before its time a token is accepted, because clocks differ, ms. */
const EARLY_MS = 5_000;

/**
 * Decides who may do what at a site, by the token that they present. docs/spec/access.md [A1]-[A12]
 *
 * Signatures are checked off this thread; tokens that were checked before are decided at once.
 */
export class Guard {
  /** Refusals, by code. */
  readonly counts: Counters = new Counters();
  /** What lasts under grants, and ends with them. */
  readonly book: ActiveGrants;
  readonly #clock: Clock;
  readonly #audit: Audit;
  readonly #verifier = new TokenVerifier();
  readonly #failures: AddressMeter;
  #revoked: ReadonlySet<string> = new Set();
  #rules: GuardRules | undefined;

  /** Allows everything until it has rules. @param options audit: where it notes what it refuses */
  constructor({ clock, audit = NO_AUDIT }: { readonly clock: Clock; readonly audit?: Audit }) {
    this.#clock = clock;
    this.#audit = audit;
    this.#failures = new AddressMeter(clock, TOKEN_FAILURES);
    this.book = new ActiveGrants(clock, (grant, need) => this.judge(grant, need));
  }

  /** Whether no token is required. */
  get isOpen(): boolean {
    return this.#rules === undefined || this.#rules.mode === "open";
  }

  /** Sets new rules; what they no longer allow ends. */
  setRules(rules: GuardRules): void {
    this.#rules = rules;
    this.#revoked = new Set(rules.revoked);
    this.#verifier.setKey(rules.key);
    this.book.review();
  }

  /** Whether a client may do something now. A refusal is noted; what is granted is noted by the one who does it. */
  decide(asker: Asker, need: Need, options: DecideOptions = {}): Decision | Promise<Decision> {
    if (this.isOpen && options.always !== true) return GRANTED;
    const decision = this.#decide(asker, need, options);
    return decision instanceof Promise
      ? decision.then((late) => this.#noted(asker, late, options.act))
      : this.#noted(asker, decision, options.act);
  }

  /** Notes that a client was let do something. @param ms how long it took */
  noteGranted(
    { address }: Pick<Asker, "address">,
    need: Need,
    grant: Grant | undefined,
    act: AuditAct,
    ms?: number,
  ): void {
    const rule = grant === undefined && this.isOpen ? "open" : grantWords(grant, need);
    this.#audit.note({ ...this.who(grant), from: address, ...act, verdict: "allowed", rule, ms });
  }

  /** Who has a grant, for the audit log. */
  who(grant: Grant | undefined): { readonly by: string; readonly token?: string } {
    return whoHas(grant === OWN ? undefined : grant, grant === OWN ? this.#rules?.site : undefined);
  }

  /** The claims of a token that was found good before, whatever it allows now; undefined: it was not. */
  grantOf(token: string): Grant | undefined {
    return this.#verifier.known(token);
  }

  /** Why a grant, or its absence, does not (or no longer) allow something; undefined when it does. */
  judge(
    grant: Grant | undefined,
    need: Need,
    { always = false }: { readonly always?: boolean } = {},
  ): MeanderError | undefined {
    if (this.isOpen && !always) return undefined;
    if (grant === undefined) return this.#mayAnybody(need) ? undefined : tokenRequired(need);
    const now = this.#clock.wall();
    if (now >= grant.expiresAt) return tokenExpired(grant);
    if (now < grant.notBefore - EARLY_MS) return tokenEarly(grant);
    if (this.#revoked.has(grant.id)) return tokenRevoked(grant);
    if (grant.via !== undefined && this.#revoked.has(grant.via)) return tokenRevoked(grant);
    return covers(grant, need) ? undefined : tokenDenied(grant, need);
  }

  #decide(
    { token = "", address }: Asker,
    need: Need,
    { always = false }: DecideOptions,
  ): Verdict | Promise<Verdict> {
    if (token === "") return this.#decided(undefined, need, always);
    const known = this.#isOwn(token) ? OWN : this.#verifier.known(token);
    if (known !== undefined) return this.#decided(known, need, always);
    if (this.#verifier.isUnreadable(token)) return this.#refused(tokenFaulty("token-malformed"));
    if (!this.#failures.allows(address) || this.#verifier.isBusy)
      return this.#refused(tokenThrottled());
    return this.#verifier.verify(token).then((found) => {
      return typeof found === "string"
        ? this.#faulty(found, address)
        : this.#decided(found, need, always);
    });
  }

  #noted({ address }: Asker, verdict: Verdict, act: AuditAct | undefined): Decision {
    if (verdict.type === "granted") return verdict;
    const { type, error, grant } = verdict;
    if (act !== undefined)
      this.#audit.note({ ...this.who(grant), from: address, ...act, ...auditOutcome(error) });
    return { type, error };
  }

  #isOwn(token: string): boolean {
    const own = Buffer.from(this.#rules?.ownToken ?? "");
    const shown = Buffer.from(token);
    return own.length > 0 && own.length === shown.length && timingSafeEqual(own, shown);
  }

  #mayAnybody({ anyOf, channel }: Need): boolean {
    const patterns = this.#rules?.public ?? [];
    return anyOf.includes("watch") && channel !== undefined && matchesChannel(patterns, channel);
  }

  #decided(grant: Grant | undefined, need: Need, always: boolean): Verdict {
    const error = this.judge(grant, need, { always });
    return error === undefined ? { type: "granted", grant } : this.#refused(error, grant);
  }

  #faulty(fault: TokenFault, address: string): Verdict {
    this.#failures.add(address);
    return this.#refused(tokenFaulty(fault));
  }

  #refused(error: MeanderError, grant?: Grant): Verdict {
    this.counts.add(error.code);
    return { type: "refused", error, grant };
  }
}

const OWN: Grant = {
  ...{ id: "own", name: "the site itself", can: ["administer"] },
  ...{ channels: [], streams: [], sites: [] },
  ...{ notBefore: 0, expiresAt: Number.POSITIVE_INFINITY, via: undefined },
};
const GRANTED: Decision = { type: "granted", grant: undefined };
