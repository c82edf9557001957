import { type Log, MeanderError } from "../base/index.ts";
import type { Directory, Entry, Json } from "../directory/index.ts";
import { StreamIndex } from "./stream-index.ts";
import { streamNameSchema, streamRecordSchema } from "./stream-record-schema.ts";
import type { StreamRecord } from "./stream-records.ts";

/** A record, and the revision at which it was read: a decision on it holds only if it is still the same. */
export interface HeldRecord {
  readonly record: StreamRecord;
  readonly revision: number;
}

/** What a {@link StreamStore} needs. */
export interface StreamStoreOptions {
  readonly directory: Directory;
  /** Settles while this leader leads. @throws {MeanderError} `leader-fenced` */
  checkLeads(): Promise<void>;
  readonly log: Log;
}

const ATTEMPTS_MAX = 64;

/** The records of streams, as a leader changes them: by compare-and-set alone, and while it leads. */
export class StreamStore {
  /** According to the watch; it may lag by one turn of the event loop. */
  readonly index: StreamIndex;
  readonly #options: StreamStoreOptions;

  constructor(options: StreamStoreOptions) {
    this.#options = options;
    this.index = new StreamIndex(options.log);
  }

  /** @throws {MeanderError} `stream-record-invalid` */
  async find(name: string): Promise<HeldRecord | undefined> {
    if (!streamNameSchema.safeParse(name).success) return undefined;
    const entry = await this.#options.directory.get(keyOf(name));
    return entry === undefined ? undefined : hold(entry);
  }

  /** @throws {MeanderError} `stream-unknown`, `stream-record-invalid` */
  async get(name: string): Promise<HeldRecord> {
    const held = await this.find(name);
    if (held !== undefined) return held;
    throw streamUnknown(`stream ${name.slice(0, 100)}`);
  }

  /** The name of the stream with that id. @throws {MeanderError} `stream-unknown` */
  async nameOf(id: number): Promise<string> {
    const name = this.index.withId(id)?.name;
    if (name !== undefined) return name;
    for (const { value } of await this.#options.directory.list("streams/")) {
      const record = streamRecordSchema.safeParse(value).data;
      if (record?.id === id) return record.name;
    }
    throw streamUnknown(`stream number ${id}`);
  }

  /** Undefined: there is a stream of that name. @throws {MeanderError} `leader-fenced` */
  async add(record: StreamRecord): Promise<HeldRecord | undefined> {
    return await this.#set(record, 0);
  }

  /**
   * Writes `record` in place of the one that is held.
   *
   * @throws {MeanderError} `leader-fenced`; `leader-busy` when the record has changed in the meantime
   */
  async replace(held: HeldRecord, record: StreamRecord): Promise<HeldRecord> {
    const written = await this.#set(record, held.revision);
    if (written !== undefined) return written;
    throw changedMeanwhile(record.name);
  }

  /** @throws {MeanderError} `leader-fenced`; `leader-busy` when the record is another by now */
  async remove({ record, revision }: HeldRecord): Promise<void> {
    await this.#options.checkLeads();
    if (await this.#options.directory.delete(keyOf(record.name), revision)) return;
    if ((await this.find(record.name)) !== undefined) throw changedMeanwhile(record.name);
  }

  /** An id that no stream had before. @throws {MeanderError} `stream-ids-exhausted`, `leader-fenced`, `leader-busy` */
  async nextId(): Promise<number> {
    const { directory, checkLeads } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const entry = await directory.get("ids/stream");
      const last = typeof entry?.value === "number" ? entry.value : 0;
      if (last >= 0xffff_ffff) {
        throw new MeanderError("stream-ids-exhausted", "all stream ids were given away", {
          expected: "fewer than 2^32 streams in the life of a session",
          next: "start a new session",
        });
      }
      await checkLeads();
      if (await directory.compareAndSet("ids/stream", entry?.revision ?? 0, last + 1))
        return last + 1;
    }
    throw new MeanderError(
      "leader-busy",
      `too much contention; gave up after ${ATTEMPTS_MAX} attempts`,
      {
        where: "directory key ids/stream",
        next: "try again",
      },
    );
  }

  async #set(record: StreamRecord, expected: number): Promise<HeldRecord | undefined> {
    const { directory, checkLeads } = this.#options;
    await checkLeads();
    const value = record as unknown as Json;
    const revision = await directory.compareAndSet(keyOf(record.name), expected, value);
    return revision === undefined ? undefined : { record, revision };
  }
}

function keyOf(name: string): string {
  return `streams/${name}`;
}

function hold({ key, value, revision }: Entry): HeldRecord {
  const record = streamRecordSchema.safeParse(value).data;
  if (record !== undefined && keyOf(record.name) === key) return { record, revision };
  throw new MeanderError("stream-record-invalid", "the stream's record is not valid", {
    where: `directory key ${key}`,
    next: "restore the directory, or remove that key",
  });
}

function streamUnknown(where: string): MeanderError {
  return new MeanderError("stream-unknown", "the session has no such stream", {
    where,
    next: "create it, or see `meander streams`",
  });
}

function changedMeanwhile(name: string): MeanderError {
  return new MeanderError("leader-busy", "its record was changed meanwhile", {
    where: `stream ${name}`,
    next: "try again",
  });
}
