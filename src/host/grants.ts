import { type Clock, LIMITS, MeanderError, messageOf } from "../base/index.ts";
import type { JudgeAnswer } from "../session/index.ts";

/** Why something is not let, for the one who asked. */
export interface GrantDenial {
  readonly reason: string;
  /** Which policy it was, or the code of the error. */
  readonly rule: string;
  /** No policy has said so: it cannot be asked now, and may allow it. */
  readonly isUndecided?: true;
}

/** What a {@link Grants} says: why not; undefined: it is let. */
export type GrantVerdict = GrantDenial | undefined;

/** Has the leader judge. Rejects with `denied`, and with what kept it from judging. */
export type AskForGrant = () => Promise<JudgeAnswer | null>;

interface Grant {
  /** The subject that it is about: it goes with that one's policy. */
  readonly stream: string;
  verdict: GrantVerdict;
  /** Until then it holds; 0: there is no verdict yet. By the clock. */
  until: number;
  /** From then on it is asked again while it still holds. */
  refreshAt: number;
  asking: Promise<GrantVerdict> | undefined;
}

/** Of the time that a verdict holds, the last part is used to ask again. */
const REFRESH_PART = 0.25;
/** How long a site waits before it asks a leader again that could not be asked, ms. */
const AGAIN_MS = 1_000;
/** A policy that is replaced this often while it judges one request has not judged it. */
const ATTEMPTS_MAX = 3;

/**
 * [A61] What policies that are code have said, as long as it holds: it is looked up for each message, and asked once.
 *
 * Bounded: the verdict that was asked for longest ago makes room. A policy's end ends what it said.
 */
export class Grants {
  readonly #clock: Clock;
  /** By whom and what it is about; the one asked for longest ago first. */
  readonly #grants = new Map<string, Grant>();
  #asking = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are kept. */
  get count(): number {
    return this.#grants.size;
  }

  /**
   * The verdict in force, or a promise of the first one.
   *
   * @param key whom and what it is about
   * @param stream whose policy it is
   */
  check(key: string, stream: string, ask: AskForGrant): GrantVerdict | Promise<GrantVerdict> {
    const grant = this.#grants.get(key);
    const now = this.#clock.now();
    if (grant === undefined || now >= grant.until)
      return grant?.asking ?? this.#open(key, stream, ask);
    // What holds is asked about again before it ends, so that no message waits for that.
    if (now >= grant.refreshAt && grant.asking === undefined && grant.verdict === undefined)
      this.#refresh(key, grant, ask);
    return grant.verdict;
  }

  /** Ends what the policy of a stream has said, or the session's and the site's. @param stream undefined: of all */
  revoke(stream?: string): void {
    for (const [key, grant] of this.#grants)
      if (stream === undefined || grant.stream === stream) this.#grants.delete(key);
  }

  #open(key: string, stream: string, ask: AskForGrant): GrantVerdict | Promise<GrantVerdict> {
    if (this.#asking >= LIMITS.grantsAskedMax)
      return undecided("overloaded", `${this.#asking} senders wait for a verdict`);
    this.#grants.delete(key);
    const grant: Grant = { stream, verdict: undefined, until: 0, refreshAt: 0, asking: undefined };
    this.#grants.set(key, grant);
    const [oldest] = this.#grants.keys();
    if (this.#grants.size > LIMITS.grantsMax && oldest !== undefined) this.#grants.delete(oldest);
    this.#asking++;
    grant.asking = this.#first(key, grant, ask).finally(() => {
      this.#asking--;
      grant.asking = undefined;
    });
    return grant.asking;
  }

  /** A verdict of a policy that was replaced meanwhile says nothing: the new one is asked. */
  async #first(key: string, grant: Grant, ask: AskForGrant): Promise<GrantVerdict> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const answer = await answerOf(ask);
      if (this.#grants.get(key) === grant) {
        this.#keep(grant, answer);
        return answer.verdict;
      }
      if (this.#grants.has(key)) break;
      this.#grants.set(key, grant);
    }
    if (this.#grants.get(key) === grant) this.#grants.delete(key);
    return undecided("policies", "its policy was replaced while it judged");
  }

  #refresh(key: string, grant: Grant, ask: AskForGrant): void {
    if (this.#asking >= LIMITS.grantsAskedMax) return;
    this.#asking++;
    const asking = answerOf(ask).then((answer) => {
      this.#asking--;
      grant.asking = undefined;
      if (this.#grants.get(key) === grant) this.#keep(grant, answer);
      return answer.verdict;
    });
    grant.asking = asking;
  }

  #keep(grant: Grant, { verdict, forMs, isJudged }: Answer): void {
    const now = this.#clock.now();
    if (!isJudged && now < grant.until) {
      // Without its leader, a site goes by what it was told, until that ends.
      grant.refreshAt = now + AGAIN_MS;
      return;
    }
    grant.verdict = verdict;
    grant.until = now + forMs;
    grant.refreshAt = now + forMs * (1 - REFRESH_PART);
  }
}

function undecided(rule: string, reason: string): GrantDenial {
  return { reason, rule, isUndecided: true };
}

interface Answer {
  readonly verdict: GrantVerdict;
  readonly forMs: number;
  /** False: nothing was heard of the policies. */
  readonly isJudged: boolean;
}

async function answerOf(ask: AskForGrant): Promise<Answer> {
  try {
    const answer = await ask();
    return { verdict: undefined, forMs: answer?.forMs ?? LIMITS.grantMs, isJudged: true };
  } catch (error) {
    if (error instanceof MeanderError && error.code.endsWith("denied")) {
      const { what, where = error.code } = error;
      const verdict = { reason: what, rule: where };
      return { verdict, forMs: LIMITS.grantDeniedMs, isJudged: true };
    }
    const reason = `the leader has not said whether its policy allows it: ${messageOf(error)}`;
    const rule = error instanceof MeanderError ? error.code : "internal";
    return { verdict: undecided(rule, reason), forMs: AGAIN_MS, isJudged: false };
  }
}
