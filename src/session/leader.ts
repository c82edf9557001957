import { z } from "zod";
import { type Clock, type Log, MeanderError, type Random } from "../base/index.ts";
import type { Directory, Json } from "../directory/index.ts";
import {
  type ChannelRecord,
  channelNameSchema,
  type SessionRecord,
  type SiteRecord,
} from "./model.ts";
import { siteRecordSchema } from "./records.ts";

export interface LeaderOptions {
  /** The directory that this leader decides in. */
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Name of the site that leads, and its start. */
  readonly site: string;
  readonly instance: number;
  /** Name of a session that is new. */
  readonly session?: string;
}

/** Tries of a compare-and-set that others interfere with. */
const TRIES = 32;

const joinSchema = z.object({ site: siteRecordSchema });
const leaveSchema = z.object({ name: z.string(), instance: z.number() });
const openSchema = z.object({
  name: channelNameSchema,
  /** The site that ingests it from now on. */
  ingest: z.string().max(40).optional(),
});
const closeSchema = z.object({ name: channelNameSchema, ingest: z.string().max(40).optional() });

/**
 * Decides for a session: who is in it, and which channels it has.
 *
 * Keeps nothing in memory: each decision is a compare-and-set in the directory, made only while `leader` there still names
 * this start of this site (the leaderEpoch fences earlier ones).
 */
export class Leader {
  readonly #options: LeaderOptions;
  #epoch = 0;
  #started: Promise<SessionRecord> | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** Generation of leaders: grows with every start of one. 0 before `start`. */
  get leaderEpoch(): number {
    return this.#epoch;
  }

  /** Takes the lead, and makes the session if there is none. */
  start(): Promise<SessionRecord> {
    this.#started ??= this.#take();
    return this.#started;
  }

  async #take(): Promise<SessionRecord> {
    const { directory, site, instance } = this.#options;
    this.#epoch = await this.#retry("leader", async () => {
      const entry = await directory.get("leader");
      const epoch = Number((entry?.value as { epoch?: number } | undefined)?.epoch ?? 0) + 1;
      const value = { epoch, site, instance };
      const done = await directory.compareAndSet("leader", entry?.revision ?? 0, value);
      return done === undefined ? undefined : epoch;
    });
    return this.#session();
  }

  /**
   * Answers a request of a member.
   *
   * @throws {MeanderError} `site-name-taken`, `request-invalid`, `request-unknown`, `leader-fenced`, `session-contended`
   */
  async handle(subject: string, payload: Json): Promise<Json> {
    await this.start();
    await this.#assertLeading();
    switch (subject) {
      case "join":
        return this.#join(parse(joinSchema, subject, payload).site as SiteRecord);
      case "leave":
        return this.#leave(parse(leaveSchema, subject, payload));
      case "open-channel":
        return this.#openChannel(parse(openSchema, subject, payload));
      case "close-channel":
        return this.#closeChannel(parse(closeSchema, subject, payload));
      default:
        throw new MeanderError("request-unknown", `the leader knows no request ${subject}`, {
          expected: "join, leave, open-channel or close-channel",
          next: "run the same version of Meander at every site",
        });
    }
  }

  async #session(): Promise<SessionRecord> {
    const { directory, random, clock, session = "meander" } = this.#options;
    return this.#retry("session", async () => {
      const entry = await directory.get("session");
      if (entry !== undefined) return entry.value as unknown as SessionRecord;
      const linkKey = Array.from({ length: 8 }, () =>
        random.uint32().toString(16).padStart(8, "0"),
      ).join("");
      const record = { name: session, linkKey, createdAt: clock.wall() };
      const done = await directory.compareAndSet("session", 0, record);
      return done === undefined ? undefined : record;
    });
  }

  /** The member registers itself under its own lease; here it is only let in. */
  async #join(site: SiteRecord): Promise<Json> {
    const { directory, log } = this.#options;
    const present = await directory.get(`sites/${site.name}`);
    const other = present?.value as unknown as SiteRecord | undefined;
    if (other !== undefined && other.instance !== site.instance) {
      const where = `${other.http.host}:${other.http.port}`;
      const sameProcess = other.http.host === site.http.host && other.http.port === site.http.port;
      // A site that comes back on its own address was restarted: its earlier start can not be alive.
      if (!sameProcess) {
        const since = new Date(other.startedAt).toISOString();
        throw new MeanderError("site-name-taken", `a site ${site.name} is in the session already`, {
          where: `${where}, since ${since}`,
          expected: "a name of its own for every site",
          next: "choose another --name, or stop that site; a site that crashed is forgotten after 15 s",
        });
      }
      await directory.delete(`sites/${site.name}`, present?.revision);
    }
    log.info("site joined", { site: site.name, at: `${site.http.host}:${site.http.port}` });
    return (await this.#session()) as unknown as Json;
  }

  async #leave({ name, instance }: { name: string; instance: number }): Promise<Json> {
    const { directory, log } = this.#options;
    const entry = await directory.get(`sites/${name}`);
    const known = entry?.value as unknown as SiteRecord | undefined;
    if (entry === undefined || known?.instance !== instance) return false;
    log.info("site left", { site: name });
    return directory.delete(entry.key, entry.revision);
  }

  async #openChannel({ name, ingest }: z.infer<typeof openSchema>): Promise<Json> {
    const { directory } = this.#options;
    return this.#retry(`channels/${name}`, async () => {
      const entry = await directory.get(`channels/${name}`);
      const known = entry?.value as unknown as ChannelRecord | undefined;
      if (entry !== undefined && known !== undefined) {
        if (ingest === undefined || known.ingests.includes(ingest)) return known as unknown as Json;
        const ingests = [ingest, ...known.ingests].slice(0, 16);
        const changed = { ...known, ingests };
        const done = await directory.compareAndSet(entry.key, entry.revision, changed);
        return done === undefined ? undefined : (changed as unknown as Json);
      }
      const record = {
        name,
        id: await this.#nextChannelId(),
        ingests: ingest === undefined ? [] : [ingest],
      };
      const done = await directory.compareAndSet(`channels/${name}`, 0, record);
      return done === undefined ? undefined : (record as Json);
    });
  }

  async #closeChannel({ name, ingest }: z.infer<typeof closeSchema>): Promise<Json> {
    const { directory } = this.#options;
    return this.#retry(`channels/${name}`, async () => {
      const entry = await directory.get(`channels/${name}`);
      const known = entry?.value as unknown as ChannelRecord | undefined;
      if (entry === undefined || known === undefined) return false;
      const ingests = ingest === undefined ? [] : known.ingests.filter((site) => site !== ingest);
      if (ingests.length > 0) {
        const done = await directory.compareAndSet(entry.key, entry.revision, {
          ...known,
          ingests,
        });
        return done === undefined ? undefined : true;
      }
      return (await directory.delete(entry.key, entry.revision)) ? true : undefined;
    });
  }

  #nextChannelId(): Promise<number> {
    const { directory } = this.#options;
    return this.#retry("ids/channel", async () => {
      const entry = await directory.get("ids/channel");
      const id = Number(entry?.value ?? 0) + 1;
      const done = await directory.compareAndSet("ids/channel", entry?.revision ?? 0, id);
      return done === undefined ? undefined : id;
    });
  }

  async #assertLeading(): Promise<void> {
    const entry = await this.#options.directory.get("leader");
    const leader = entry?.value as { epoch?: number; site?: string } | undefined;
    if (leader?.epoch === this.#epoch) return;
    throw new MeanderError("leader-fenced", `${this.#options.site} does not lead any more`, {
      where: `leader epoch ${this.#epoch}, now ${leader?.epoch} at ${leader?.site}`,
      next: "ask again; the site that leads now will answer",
    });
  }

  async #retry<T>(key: string, attempt: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < TRIES; tries++) {
      const result = await attempt();
      if (result !== undefined) return result;
    }
    throw new MeanderError(
      "session-contended",
      `${key} was changed ${TRIES} times while being decided`,
      {
        next: "ask again",
      },
    );
  }
}

function parse<T>(schema: z.ZodType<T>, subject: string, payload: Json): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MeanderError("request-invalid", `the request ${subject} is not valid`, {
    where: issue?.path.join(".") ?? subject,
    expected: issue?.message ?? "another shape",
  });
}
