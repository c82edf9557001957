import { type Cancel, type Clock, LIMITS, TokenBucket } from "../../base/index.ts";
import { type Audit, type AuditFacts, withoutSecrets } from "./audit-record.ts";

/** What an {@link AuditFolding} works with. */
export interface AuditFoldingOptions {
  readonly clock: Clock;
  /** Receives what is to be kept: acts one by one, and for the rest one that stands for many. */
  keep(facts: AuditFacts): void;
}

/** Acts that are counted instead of being kept one by one. */
interface Fold {
  /** The newest of them; where they differ, `various`. */
  facts: AuditFacts;
  /** How many like it there were. */
  seen: number;
  /** Of these, those that no kept record stands for yet. */
  count: number;
  /** Since when those are counted, and until when, ms. */
  since: number;
  due: number;
  windowMs: number;
}

/** Stands for what differs between acts that are counted together. */
const VARIOUS = "various";

/**
 * Bounds what is kept of many acts, so that those who are refused, or an agent in a loop, cannot push everything else
 * out of an audit log. The first equal ones are kept, and of the others their number; so are those that a principal
 * does beyond its rate. What a principal is denied has a rate of its own, which it does not share with what it may.
 */
export class AuditFolding implements Audit {
  readonly #options: AuditFoldingOptions;
  readonly #folds = new Map<string, Fold>();
  /** By principal, the one that was noted longest ago first. */
  readonly #rates = new Map<string, TokenBucket>();
  #foldedCount = 0;
  #cancel: Cancel | undefined;

  constructor(options: AuditFoldingOptions) {
    this.#options = options;
  }

  /** Acts that were counted instead of being kept one by one. */
  get foldedCount(): number {
    return this.#foldedCount;
  }

  note(given: AuditFacts): void {
    const facts = withoutSecrets(given);
    // It stands for many already.
    if ((facts.count ?? 1) > 1) {
      this.#options.keep(facts);
      return;
    }
    const { by, from = "", token = "", what, on, verdict, rule } = facts;
    const key = JSON.stringify([verdict, by, from, token, what, on, rule]);
    const alike = this.#folds.get(key);
    const isRepeated = alike !== undefined && alike.seen >= LIMITS.auditAlikeMax;
    if (isRepeated) this.#fold(alike, facts);
    else if (!this.#rateOf(facts).take()) this.#foldOfMany(facts);
    else {
      this.#options.keep(facts);
      if (alike !== undefined) alike.seen++;
      else if (this.#folds.size < LIMITS.auditFoldsMax) this.#open(key, facts, 1);
    }
  }

  /** Keeps what has been counted so far, and counts no longer. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const fold of this.#folds.values()) this.#tell(fold);
    this.#folds.clear();
  }

  /** Beyond a principal's rate only its actions count; when even these are too many, only the actions. */
  #foldOfMany(facts: AuditFacts): void {
    const { by, what, verdict, rule } = facts;
    const several: AuditFacts = { by, what, on: VARIOUS, verdict, rule };
    const own = JSON.stringify([verdict, by, what]);
    const isRoom = this.#folds.has(own) || this.#folds.size < LIMITS.auditFoldsMax;
    const key = isRoom ? own : JSON.stringify([verdict, what]);
    const fold =
      this.#folds.get(key) ??
      this.#open(key, isRoom ? several : { ...several, by: VARIOUS }, LIMITS.auditAlikeMax);
    this.#fold(fold, fold.facts.rule === rule ? fold.facts : { ...fold.facts, rule: VARIOUS });
  }

  #fold(fold: Fold, facts: AuditFacts): void {
    fold.facts = facts;
    fold.seen++;
    fold.count++;
    this.#foldedCount++;
  }

  #open(key: string, facts: AuditFacts, seen: number): Fold {
    const since = this.#options.clock.now();
    const windowMs = LIMITS.auditFoldMs;
    const fold = { facts, seen, count: 0, since, due: since + windowMs, windowMs };
    this.#folds.set(key, fold);
    this.#lookLater();
    return fold;
  }

  #lookLater(): void {
    this.#cancel ??= this.#options.clock.after("audit", LIMITS.auditFoldMs, () => this.#look());
  }

  #look(): void {
    this.#cancel = undefined;
    const now = this.#options.clock.now();
    for (const [key, fold] of this.#folds) {
      if (fold.due > now) continue;
      if (fold.count === 0) this.#folds.delete(key);
      else {
        this.#tell(fold);
        // It goes on: it is told of less often.
        fold.windowMs = Math.min(2 * fold.windowMs, LIMITS.auditFoldMsMax);
        fold.since = now;
        fold.due = now + fold.windowMs;
      }
    }
    if (this.#folds.size > 0) this.#lookLater();
  }

  #tell(fold: Fold): void {
    const { facts, count, since } = fold;
    if (count === 0) return;
    fold.count = 0;
    const { ms: _ms, ...rest } = facts;
    const overMs = Math.round(this.#options.clock.now() - since);
    this.#options.keep({ ...rest, count, overMs });
  }

  #rateOf({ by, verdict }: AuditFacts): TokenBucket {
    const isDenied = verdict === "denied";
    const key = `${isDenied ? "denied" : "done"} ${by}`;
    const rate =
      this.#rates.get(key) ??
      new TokenBucket(this.#options.clock, {
        burst: isDenied ? LIMITS.auditDeniedBurst : LIMITS.auditBurst,
        perSecond: isDenied ? LIMITS.auditDeniedPerSecond : LIMITS.auditPerSecond,
      });
    this.#rates.delete(key);
    this.#rates.set(key, rate);
    const [oldest] = this.#rates.keys();
    if (this.#rates.size > LIMITS.auditPrincipalsMax && oldest !== undefined)
      this.#rates.delete(oldest);
    return rate;
  }
}
