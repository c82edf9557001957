import { timingSafeEqual } from "node:crypto";
import { type Clock, Counters, LIMITS, type MeanderError } from "../../base/index.ts";
import { type AccessPolicy, matchesChannel } from "../../session/index.ts";
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
import { TokenVerifier } from "./token-verifier.ts";

/** What a guard decides by: the rules of the session, and how this site was started. Structured-cloneable. */
export interface GuardRules extends AccessPolicy {
  /** Ids of tokens that were revoked. */
  readonly revoked: readonly string[];
  /** What the site presents to itself, to record channels. */
  readonly ownToken: string;
}

/** A client. */
export interface Asker {
  /** As it was given; undefined or empty: none. */
  readonly token: string | undefined;
  /** IP address. */
  readonly address: string;
}

/** A guard's decision. `grant` is undefined where no token is required. */
export type Decision =
  | { readonly type: "granted"; readonly grant: Grant | undefined }
  | { readonly type: "refused"; readonly error: MeanderError };

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
  readonly #verifier = new TokenVerifier();
  readonly #failures: AddressMeter;
  #revoked: ReadonlySet<string> = new Set();
  #rules: GuardRules | undefined;

  /** Allows everything until it has rules. */
  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
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

  /**
   * Whether a client may do something now.
   *
   * @param options always: required even where the site is open
   */
  decide(
    asker: Asker,
    need: Need,
    { always = false }: { readonly always?: boolean } = {},
  ): Decision | Promise<Decision> {
    if (this.isOpen && !always) return GRANTED;
    const { token = "", address } = asker;
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

  #isOwn(token: string): boolean {
    const own = Buffer.from(this.#rules?.ownToken ?? "");
    const shown = Buffer.from(token);
    return own.length > 0 && own.length === shown.length && timingSafeEqual(own, shown);
  }

  #mayAnybody({ anyOf, channel }: Need): boolean {
    const patterns = this.#rules?.public ?? [];
    return anyOf.includes("watch") && channel !== undefined && matchesChannel(patterns, channel);
  }

  #decided(grant: Grant | undefined, need: Need, always: boolean): Decision {
    const error = this.judge(grant, need, { always });
    return error === undefined ? { type: "granted", grant } : this.#refused(error);
  }

  #faulty(fault: TokenFault, address: string): Decision {
    this.#failures.add(address);
    return this.#refused(tokenFaulty(fault));
  }

  #refused(error: MeanderError): Decision {
    this.counts.add(error.code);
    return { type: "refused", error };
  }
}

const OWN: Grant = {
  ...{ id: "own", name: "the site itself", can: ["administer"] },
  ...{ channels: [], streams: [], sites: [] },
  ...{ notBefore: 0, expiresAt: Number.POSITIVE_INFINITY, via: undefined },
};
const GRANTED: Decision = { type: "granted", grant: undefined };
