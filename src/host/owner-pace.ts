import type { AgentPace } from "../agent/set/index.ts";
import {
  type Clock,
  delay,
  LIMITS,
  type Log,
  MeanderError,
  type Rate,
  TokenBucket,
} from "../base/index.ts";

const RATES = {
  requests: { perSecond: LIMITS.ownerRequestsPerSecond, burst: LIMITS.ownerRequestsBurst },
  streams: { perSecond: LIMITS.ownerStreamsPerSecond, burst: LIMITS.ownerStreamsBurst },
  uploads: { perSecond: LIMITS.ownerUploadsPerSecond, burst: LIMITS.ownerUploadsBurst },
  timers: { perSecond: LIMITS.ownerTimersPerSecond, burst: LIMITS.ownerTimersBurst },
  selfSends: { perSecond: LIMITS.ownerSelfSendsPerSecond, burst: LIMITS.ownerSelfSendsBurst },
  lines: { perSecond: LIMITS.ownerLinesPerSecond, burst: LIMITS.ownerLinesBurst },
} as const satisfies Record<string, Rate>;
type Kind = keyof typeof RATES;

const SITE_LINES: Rate = { perSecond: LIMITS.siteLinesPerSecond, burst: LIMITS.siteLinesBurst };
/** Characters of a line that count once. */
const LINE_CHARACTERS = 200;

/** Of one owner; each is made when it is first asked for. */
interface OwnerBuckets {
  readonly buckets: Partial<Record<Kind, TokenBucket>>;
  /** Lines that were left out since the last that was not. */
  linesLost: number;
}

/**
 * The rates of owners at one site: each has the same, whatever the number of its streams, agents and handlers. Requests
 * beyond a rate wait, and then are refused; timers and messages to oneself are put off; lines are left out and counted.
 */
export class OwnerPace implements AgentPace {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #siteLines: TokenBucket;
  /** The one that was asked for last is the last. */
  readonly #owners = new Map<string, OwnerBuckets>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#siteLines = new TokenBucket(clock, SITE_LINES);
  }

  async request(owner: string, verb: string): Promise<void> {
    // A synchronous append waits for its answer, which paces it.
    if (verb === "append") return;
    if (verb === "createStream")
      await this.#admit(owner, "streams", "streams that its agents create");
    await this.#admit(owner, "requests", "requests of its agents to the session");
  }

  /** Before code is read that nobody has uploaded lately. Waits. @throws {MeanderError} `rate-limited` */
  upload(owner: string): Promise<void> {
    return this.#admit(owner, "uploads", "uploads of new code");
  }

  timers(owner: string, count: number): number {
    return this.#bucket(owner, "timers").owe(count, LIMITS.ratePauseMsMax);
  }

  selfSends(owner: string, count: number): number {
    return this.#bucket(owner, "selfSends").owe(count, LIMITS.ratePauseMsMax);
  }

  mayLog(owner: string, characters: number): boolean {
    const weight = 1 + Math.floor(characters / LINE_CHARACTERS);
    const bucket = this.#bucket(owner, "lines");
    const buckets = this.#of(owner);
    if (!bucket.take(weight)) {
      buckets.linesLost++;
      return false;
    }
    if (!this.#siteLines.take(weight)) {
      bucket.giveBack(weight);
      buckets.linesLost++;
      return false;
    }
    if (buckets.linesLost > 0) {
      this.#log.warn("Lines of an owner's agents were left out.", {
        owner,
        count: buckets.linesLost,
        perSecond: LIMITS.ownerLinesPerSecond,
      });
      buckets.linesLost = 0;
    }
    return true;
  }

  async #admit(owner: string, kind: Kind, what: string): Promise<void> {
    const bucket = this.#bucket(owner, kind);
    const waitMs = bucket.owe();
    if (waitMs === 0) return;
    if (waitMs > LIMITS.rateWaitMsMax) {
      bucket.giveBack();
      throw new MeanderError("rate-limited", `${owner} has used up its rate of ${what}`, {
        expected: `at most ${RATES[kind].perSecond} a second, and ${RATES[kind].burst} at once`,
        next: `try again in ${Math.ceil(waitMs / 1_000)} s`,
      });
    }
    await delay(this.#clock, `rate of ${kind}`, waitMs);
  }

  #bucket(owner: string, kind: Kind): TokenBucket {
    const { buckets } = this.#of(owner);
    buckets[kind] ??= new TokenBucket(this.#clock, RATES[kind]);
    return buckets[kind];
  }

  #of(owner: string): OwnerBuckets {
    const known = this.#owners.get(owner);
    if (known !== undefined) {
      this.#owners.delete(owner);
      this.#owners.set(owner, known);
      return known;
    }
    const [oldest] = this.#owners.keys();
    if (oldest !== undefined && this.#owners.size >= LIMITS.ratedOwnersMax)
      this.#owners.delete(oldest);
    const buckets: OwnerBuckets = { buckets: {}, linesLost: 0 };
    this.#owners.set(owner, buckets);
    return buckets;
  }
}
