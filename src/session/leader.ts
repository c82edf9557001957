import { z } from "zod";
import { type Clock, LIMITS, type Log, MeanderError, type Random } from "../base/index.ts";
import type { Caller, Directory, Entry, Json } from "../directory/index.ts";
import { checkIsSite, checkSpeaksFor, notAllowed } from "./caller-checks.ts";
import { CONTROL_SUBJECTS } from "./control-dispatcher.ts";
import { expel, makeLinkKey, recordInvalid } from "./expulsion.ts";
import { channelSchema, joinSchema, leaveSchema, parsePayload } from "./leader-requests.ts";
import { MemberNames } from "./member-names.ts";
import type { ChannelRecord, SessionRecord, SiteRecord } from "./model.ts";
import {
  channelRecordSchema,
  type LeaderRecord,
  leaderRecordSchema,
  type SiteSelf,
  sessionRecordSchema,
  siteRecordSchema,
} from "./records.ts";
import { StreamControl, type StreamControlOptions } from "./stream-control.ts";

/** What a leader needs. */
export interface LeaderOptions {
  /** The one embedded in this site. */
  readonly directory: Directory;
  /** The leading site itself. */
  readonly site: string;
  /** Its instance: see {@link SiteRecord}. */
  readonly instance: number;
  /** Name of a session that is made now. */
  readonly session?: string;
  readonly clock: Clock;
  /** Makes the link key: the system's generator, outside of tests. */
  readonly random: Random;
  readonly log: Log;
  /** What it needs for streams; without, requests about them are unknown. */
  readonly streams?: Pick<
    StreamControlOptions,
    "calls" | "isEnded" | "tokens" | "judge" | "authors" | "audit" | "onEvent"
  >;
}

/** Attempts to change a key that others change, too. */
const ATTEMPTS_MAX = 64;

/**
 * Decides for a session who its sites are, and which ids its channels have.
 *
 * It keeps no state: each decision is a compare-and-set in the directory, so a new leader continues where the last one
 * stopped, and two at once cannot contradict each other. A leader whose leaderEpoch has passed refuses
 * (`leader-fenced`).
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #names: MemberNames;
  /** The leaderEpoch; 0 before {@link start}. */
  #epoch = 0;
  #started: Promise<SessionRecord> | undefined;
  #streams: StreamControl | undefined;
  /** Channels that the session has: only its leader opens and closes them. */
  #channelCount = 0;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#names = new MemberNames(options);
  }

  /**
   * Takes over, once; the first request does so too. Returns the session, which is created if there was none.
   *
   * @throws {MeanderError} `leader-busy`, `session-record-invalid`, and the directory's errors
   */
  async start(): Promise<SessionRecord> {
    this.#started ??= this.#takeOver();
    try {
      return await this.#started;
    } catch (error) {
      this.#started = undefined;
      throw error;
    }
  }

  /**
   * Answers a request: `join`, `leave`, `open-channel`, `close-channel`, and those of {@link StreamControl}. The
   * directory's request handler. A member asks for itself alone: to join and leave, and what it ingests. [A41]
   *
   * @throws {MeanderError} what {@link StreamControl.handle} throws, `request-unknown`, `request-invalid`,
   *   `request-denied`, `leader-fenced`, `leader-busy`, `site-name-taken`, `site-name-owned`, `channel-unknown`,
   *   `channels-exhausted`, `channel-ids-exhausted`, `session-record-invalid`, and the directory's errors
   */
  readonly handle = async (subject: string, payload: Json, caller: Caller): Promise<Json> => {
    await this.start();
    checkIsSite(caller, subject);
    if (this.#streams !== undefined && StreamControl.answers(subject))
      return await this.#streams.handle(subject, payload, caller);
    switch (subject) {
      case "join":
        return jsonOf(await this.#join(parsePayload(joinSchema, subject, payload), caller));
      case "leave": {
        const request = parsePayload(leaveSchema, subject, payload);
        checkSpeaksFor(caller, request.name, subject);
        return await this.#leave(request);
      }
      case "open-channel": {
        const request = parsePayload(channelSchema, subject, payload);
        if (request.ingest !== undefined) checkSpeaksFor(caller, request.ingest, subject);
        return jsonOf(await this.#openChannel(request));
      }
      case "close-channel": {
        const request = parsePayload(channelSchema, subject, payload);
        if (request.ingest !== undefined) checkSpeaksFor(caller, request.ingest, subject);
        else if (caller.kind === "member") throw closedByMember(request.name);
        return await this.#closeChannel(request);
      }
      default:
        throw new MeanderError(
          "request-unknown",
          `the leader knows no request ${JSON.stringify(subject)}`,
          {
            expected: `one of ${this.#subjects().join(", ")}`,
          },
        );
    }
  };

  /**
   * [A44] Puts sites out of the session, with another link key for the others.
   *
   * @throws {MeanderError} what `expel` throws
   */
  async expel(names: readonly string[]): Promise<void> {
    await this.start();
    await expel({ ...this.#options, checkLeads: () => this.#checkLeads() }, names);
  }

  /** Envelopes of authors that were refused, by code. */
  get refusedAuthors(): Readonly<Record<string, number>> {
    return this.#streams?.refusedAuthors ?? {};
  }

  /** Ends its watch over sites and streams. */
  stop(): void {
    this.#streams?.stop();
  }

  #subjects(): readonly string[] {
    const channels = ["join", "leave", "open-channel", "close-channel"];
    return this.#streams === undefined ? channels : [...channels, ...CONTROL_SUBJECTS];
  }

  async #takeOver(): Promise<SessionRecord> {
    const { directory, site, instance, session = "meander", clock, log } = this.#options;
    this.#epoch = await this.#change("leader", (entry) => {
      const epoch = (read(leaderRecordSchema, entry)?.epoch ?? 0) + 1;
      const value: LeaderRecord = { epoch, site, instance };
      return { value: { ...value }, result: epoch };
    });
    const record: SessionRecord = {
      name: session,
      linkKey: makeLinkKey(this.#options.random),
      createdAt: clock.wall(),
    };
    const made = await directory.compareAndSet("session", 0, jsonOf(record));
    log.info("This site leads the session.", {
      leaderEpoch: this.#epoch,
      made: made !== undefined,
    });
    const taken = made === undefined ? await this.#session() : record;
    this.#channelCount = (await directory.list("channels/")).length;
    await this.#controlStreams();
    return taken;
  }

  async #controlStreams(): Promise<void> {
    const { directory, site, instance, clock, random, log, streams } = this.#options;
    if (streams === undefined) return;
    this.#streams?.stop();
    this.#streams = new StreamControl({
      ...{ directory, clock, random, log },
      ...streams,
      self: { site, instance },
      checkLeads: () => this.#checkLeads(),
    });
    await this.#streams.start();
  }

  async #join(
    { site, lease }: { site: SiteSelf; lease: string },
    caller: Caller,
  ): Promise<SessionRecord> {
    const leader = this.#options.site === site.name;
    if (caller.kind === "member") {
      checkSpeaksFor(caller, site.name, "join");
      await this.#judgeJoin(site);
      await this.#names.claim(site.name, caller.token);
    }
    const record: SiteRecord = { ...site, leader };
    await this.#change(
      `sites/${site.name}`,
      (entry) => {
        const other = read(siteRecordSchema, entry);
        if (other !== undefined && !this.#mayReplace(other, site)) throw nameTaken(other);
        return { value: jsonOf(record), result: undefined };
      },
      lease,
    );
    this.#options.log.info("A site joined.", {
      peer: site.name,
      instance: site.instance,
      http: site.http,
    });
    return await this.#session();
  }

  /** A site that is a member joins again when its record has changed, or its lease was lost: that is not judged. */
  async #judgeJoin({ name, instance }: SiteSelf): Promise<void> {
    const known = read(siteRecordSchema, await this.#options.directory.get(`sites/${name}`));
    if (known?.instance !== instance) await this.#streams?.judgeJoin(name);
  }

  /** Whether the site of that name has certainly ended, or is this one. */
  #mayReplace(other: SiteRecord, site: SiteSelf): boolean {
    if (other.instance === site.instance) return true;
    // Two processes cannot listen on one port, so a site that announces it again has replaced the earlier one.
    if (other.http.host === site.http.host && other.http.port === site.http.port) return true;
    // Only one process has this directory open: the leader's.
    return site.name === this.#options.site && site.instance === this.#options.instance;
  }

  async #leave({ name, instance }: { name: string; instance: number }): Promise<null> {
    await this.#checkLeads();
    const entry = await this.#options.directory.get(`sites/${name}`);
    if (entry === undefined || read(siteRecordSchema, entry)?.instance !== instance) return null;
    this.#streams?.noteLeaving({ site: name, instance });
    await this.#options.directory.delete(entry.key, entry.revision);
    this.#options.log.info("A site left.", { peer: name, instance });
    return null;
  }

  async #openChannel({
    name,
    ingest,
  }: {
    name: string;
    ingest?: string | undefined;
  }): Promise<ChannelRecord> {
    const key = `channels/${name}`;
    let id: number | undefined;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const entry = await this.#options.directory.get(key);
      const known = read(channelRecordSchema, entry);
      if (known !== undefined && (ingest === undefined || known.ingests[0] === ingest))
        return known;
      if (known === undefined && this.#channelCount >= LIMITS.sessionChannelsMax)
        throw channelsExhausted(name);
      id ??= known?.id ?? (await this.#nextChannelId());
      const record = {
        name,
        id: known?.id ?? id,
        ingests: withIngest(known?.ingests ?? [], ingest),
      };
      await this.#checkLeads();
      if (await this.#options.directory.compareAndSet(key, entry?.revision ?? 0, record)) {
        if (entry === undefined) this.#channelCount++;
        return record;
      }
    }
    throw busy(key);
  }

  #nextChannelId(): Promise<number> {
    return this.#change("ids/channel", (entry) => {
      const id = (read(z.int().min(0), entry) ?? 0) + 1;
      if (id > 0xffff_ffff) {
        throw new MeanderError("channel-ids-exhausted", "all channel ids were given away", {
          expected: "fewer than 2^32 channels in the life of a session",
          next: "start a new session",
        });
      }
      return { value: id, result: id };
    });
  }

  async #closeChannel({
    name,
    ingest,
  }: {
    name: string;
    ingest?: string | undefined;
  }): Promise<null> {
    const key = `channels/${name}`;
    if (ingest === undefined) {
      await this.#checkLeads();
      if (!(await this.#options.directory.delete(key))) throw channelUnknown(name);
      this.#channelCount--;
      return null;
    }
    await this.#change(key, (entry) => {
      const known = read(channelRecordSchema, entry);
      if (known === undefined) throw channelUnknown(name);
      const others = known.ingests.filter((site) => site !== ingest);
      // The last one stays: routes lead there, for when it comes back.
      return {
        value: jsonOf({ ...known, ingests: others.length === 0 ? known.ingests : others }),
        result: undefined,
      };
    });
    return null;
  }

  /** Changes one key by compare-and-set; `decide` may be called again when another was faster. */
  async #change<T>(
    key: string,
    decide: (entry: Entry | undefined) => { readonly value: Json; readonly result: T },
    lease?: string,
  ): Promise<T> {
    const { directory } = this.#options;
    const options = lease === undefined ? {} : { lease: { id: lease, ttlMs: LIMITS.leaseMs } };
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const entry = await directory.get(key);
      const { value, result } = decide(entry);
      if (key !== "leader") await this.#checkLeads();
      if (await directory.compareAndSet(key, entry?.revision ?? 0, value, options)) return result;
    }
    throw busy(key);
  }

  async #checkLeads(): Promise<void> {
    const leader = read(leaderRecordSchema, await this.#options.directory.get("leader"));
    if (leader !== undefined && leader.epoch === this.#epoch) return;
    throw new MeanderError("leader-fenced", `site ${leader?.site ?? "?"} leads the session now`, {
      where: `site ${this.#options.site}`,
      next: "ask again there",
    });
  }

  async #session(): Promise<SessionRecord> {
    const session = read(sessionRecordSchema, await this.#options.directory.get("session"));
    if (session !== undefined) return session;
    throw recordInvalid();
  }
}

/** The value of an entry; undefined when it is missing or not valid. */
function read<T>(schema: z.ZodType<T>, entry: Entry | undefined): T | undefined {
  return entry === undefined ? undefined : schema.safeParse(entry.value).data;
}

/** The newest ingest leads; the others stand by, the oldest go. */
function withIngest(ingests: readonly string[], ingest: string | undefined): string[] {
  if (ingest === undefined) return [...ingests];
  return [ingest, ...ingests.filter((site) => site !== ingest)].slice(0, LIMITS.alternativesMax);
}

/** A record, whose parts are all JSON, as JSON. */
function jsonOf(record: SiteRecord | ChannelRecord | SessionRecord): Json {
  return record as unknown as Json;
}

function nameTaken({ name, startedAt, http, pid }: SiteRecord): MeanderError {
  const since = new Date(startedAt).toISOString();
  return new MeanderError(
    "site-name-taken",
    `a site of that name has been running since ${since} at ${http.host}:${http.port}`,
    {
      where: `site ${name}`,
      expected: "a name that no other site has",
      next: `choose another --name, stop that site (process ${pid}), or, if it crashed, try again in ${LIMITS.leaseMs / 1000} s`,
    },
  );
}

function closedByMember(channel: string): MeanderError {
  return notAllowed("close-channel", `a member closes no channel of the session: ${channel}`, {
    expected: "the site that ingested it, as `ingest`",
  });
}

function channelsExhausted(channel: string): MeanderError {
  return new MeanderError("channels-exhausted", "the session has as many channels as it may have", {
    where: `channel ${channel}`,
    expected: `at most ${LIMITS.sessionChannelsMax}`,
    next: "use the channels that there are, or start another session",
  });
}

function channelUnknown(name: string): MeanderError {
  return new MeanderError("channel-unknown", "the session has no such channel", {
    where: `channel ${name}`,
  });
}

function busy(key: string): MeanderError {
  return new MeanderError(
    "leader-busy",
    `too much contention; gave up after ${ATTEMPTS_MAX} attempts`,
    {
      where: `directory key ${key}`,
      next: "try again",
    },
  );
}
