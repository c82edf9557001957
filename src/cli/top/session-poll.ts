import { type Clock, delay, MeanderError, messageOf } from "../../base/index.ts";
import type { SiteStats } from "../../client/contract/index.ts";
import type { SiteClient } from "../../client/index.ts";
import type { SiteRecord } from "../../session/index.ts";

/** A site as it was asked last. */
export interface TopSite {
  readonly name: string;
  readonly isLeader: boolean;
  readonly url: string;
  /** Undefined: it does not answer. */
  readonly stats: SiteStats | undefined;
  /** Why it does not answer; undefined: it does. */
  readonly failure: string | undefined;
  /** Bits per second that went out at the last looks, oldest first. */
  readonly history: readonly number[];
}

/** A session as it was asked last. */
export interface TopSession {
  readonly name: string;
  readonly sites: readonly TopSite[];
  /** Why what is shown may be old; undefined: it is not. */
  readonly problem: string | undefined;
}

/** What a poll works with. */
export interface SessionPollOptions {
  /** A site of the session. */
  readonly site: SiteClient;
  clientOf(record: SiteRecord): SiteClient;
  readonly clock: Clock;
}

/** Deadline for a site's answer, ms. */
const ANSWER_MS_MAX = 2_000;
/** Looks remembered for each site. */
const HISTORY_COUNT = 24;
/** Looks in a row without the site in the session's list, after which it is forgotten. */
const ABSENT_COUNT = 30;

interface Known {
  readonly record: SiteRecord;
  readonly client: SiteClient;
  history: number[];
  absent: number;
}

/** Polls a session and all its sites. When the named site is lost, the others report the session. */
export class SessionPoll {
  readonly #options: SessionPollOptions;
  readonly #known = new Map<string, Known>();
  #name = "";
  #leader: string | null = null;

  constructor(options: SessionPollOptions) {
    this.#options = options;
  }

  /** Asks now. @throws {MeanderError} when no site ever answered */
  async look(): Promise<TopSession> {
    const problem = await this.#askSession();
    const known = [...this.#known.values()].sort((a, b) =>
      a.record.name < b.record.name ? -1 : 1,
    );
    const sites = await Promise.all(known.map((each) => this.#askSite(each)));
    return { name: this.#name, sites, problem };
  }

  async #askSession(): Promise<string | undefined> {
    const others = [...this.#known.values()].map(({ client }) => client);
    let first: unknown;
    for (const client of [this.#options.site, ...others]) {
      try {
        const { session, sites, leader, directory } = await this.#within(client.session());
        this.#name = session.name;
        this.#leader = leader;
        this.#take(sites);
        return directory === "connected" ? undefined : "the directory cannot be reached";
      } catch (error) {
        first ??= error;
      }
    }
    if (this.#known.size === 0) throw first;
    return `no site tells of the session: ${messageOf(first)}`;
  }

  #take(records: readonly SiteRecord[]): void {
    for (const record of records) {
      const known = this.#known.get(record.name);
      const isSame = known?.record.instance === record.instance;
      if (known !== undefined && isSame) known.absent = 0;
      else {
        const client = this.#options.clientOf(record);
        this.#known.set(record.name, { record, client, history: known?.history ?? [], absent: 0 });
      }
    }
    const names = new Set(records.map(({ name }) => name));
    for (const [name, known] of this.#known) {
      if (!names.has(name) && ++known.absent > ABSENT_COUNT) this.#known.delete(name);
    }
  }

  async #askSite(known: Known): Promise<TopSite> {
    const { record, client } = known;
    const about = { name: record.name, isLeader: record.name === this.#leader, url: client.url };
    try {
      const stats = await this.#within(client.currentStats());
      known.history = [...known.history, stats.bitsOut].slice(-HISTORY_COUNT);
      return { ...about, stats, failure: undefined, history: known.history };
    } catch (error) {
      known.history = [...known.history, 0].slice(-HISTORY_COUNT);
      const failure = error instanceof MeanderError ? error.what : messageOf(error);
      return { ...about, stats: undefined, failure, history: known.history };
    }
  }

  #within<T>(answer: Promise<T>): Promise<T> {
    const late = delay(this.#options.clock, "answer", ANSWER_MS_MAX).then(() => {
      throw new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`);
    });
    return Promise.race([answer, late]);
  }
}
