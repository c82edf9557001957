import { LIMITS, type Log, MeanderError, type Random } from "../base/index.ts";
import type { Directory, Json } from "../directory/index.ts";
import type { SessionRecord } from "./model.ts";
import { sessionRecordSchema, siteRecordSchema } from "./records.ts";

/** What {@link expel} works with. */
export interface ExpulsionPorts {
  /** The leader's. */
  readonly directory: Directory;
  readonly random: Random;
  readonly log: Log;
  /** Settles while this leader leads. @throws {MeanderError} `leader-fenced` */
  checkLeads(): Promise<void>;
}

/** Attempts to write the session's record, which only leaders write. */
const ATTEMPTS_MAX = 16;

/**
 * [A44] Puts sites out of the session: it gets another link key, its record says who was put out, and they are members
 * no more.
 *
 * @throws {MeanderError} `leader-fenced`, `leader-busy`, `session-record-invalid`, and the directory's
 */
export async function expel(ports: ExpulsionPorts, names: readonly string[]): Promise<void> {
  const { directory, random, log, checkLeads } = ports;
  const members = (await Promise.all(names.map((name) => directory.get(`sites/${name}`)))).flatMap(
    (entry) => {
      const record = siteRecordSchema.safeParse(entry?.value).data;
      return entry === undefined || record === undefined ? [] : [{ entry, record }];
    },
  );
  const gone = members.map(({ record: { name, instance } }) => ({ site: name, instance }));
  for (let attempt = 0; ; attempt++) {
    const entry = await directory.get("session");
    const session = sessionRecordSchema.safeParse(entry?.value).data;
    if (entry === undefined || session === undefined) throw recordInvalid();
    const expelled = [...(session.expelled ?? []), ...gone].slice(-LIMITS.expelledMax);
    const next: SessionRecord = { ...session, linkKey: makeLinkKey(random), expelled };
    await checkLeads();
    if (await directory.compareAndSet(entry.key, entry.revision, next as unknown as Json)) break;
    if (attempt >= ATTEMPTS_MAX) throw busy();
  }
  for (const { entry } of members) await directory.delete(entry.key, entry.revision);
  log.warn("Sites were put out of the session, which has another link key now.", { sites: names });
}

/** A link key: 64 hex digits. */
export function makeLinkKey(random: Random): string {
  const words = Array.from({ length: 8 }, () => random.uint32());
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** The session's record cannot be read. */
export function recordInvalid(): MeanderError {
  return new MeanderError(
    "session-record-invalid",
    "the session's record is missing or not valid",
    {
      where: "directory key session",
      next: "restore the directory, or start a new session in another folder",
    },
  );
}

function busy(): MeanderError {
  return new MeanderError("leader-busy", "the session's record changes all the time", {
    where: "directory key session",
    next: "try again",
  });
}
