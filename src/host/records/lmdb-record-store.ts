import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { type Log, MeanderError, messageOf } from "../../base/index.ts";
import {
  checkLmdbFile,
  isRunning,
  keepLmdbFilePrivate,
  parseOwner,
  thisOwner,
} from "../../directory/embedded/index.ts";
import type { EndpointId, RecordStore } from "../../stream/index.ts";
import { BootMark, bootId } from "./boot-mark.ts";

/** A call that waits for the end of the turn. */
interface Write {
  /** Without bytes: a deletion. */
  readonly changes: readonly {
    readonly stream: EndpointId;
    readonly bytes: Uint8Array | undefined;
  }[];
  readonly settle: (error?: MeanderError) => void;
}

/**
 * Records on this machine's disk, in LMDB.
 *
 * The calls of one turn of the event loop are one transaction, done in this thread: some 15 µs, and 2 µs for each
 * further record of 2 KB. (The library's own write thread takes three times that for a lone record, and ends the
 * process when the disk is full.)
 *
 * What survives [N32]: a put has settled when the kernel has the bytes, so that the end of the process, by `kill -9`
 * too, takes nothing. No turn waits for the disk, which would cost it that time: measured 0.2 ms, and on slow disks 20
 * ms. A power cut, or a crash of the kernel, takes what the kernel had not written by itself (up to some 30 s), and may
 * leave the file torn; so after one the file is not read but set aside as `records.mdb.torn`, and the store begins
 * empty. Streams whose host still runs put their records again. An orderly {@link LmdbRecordStore.close} brings
 * everything to the disk.
 *
 * Where the system does not tell its runs apart (others than Linux), every commit waits for the disk instead.
 *
 * Besides what each method says, all throw `records-closed`.
 */
export class LmdbRecordStore implements RecordStore, AsyncDisposable {
  readonly #file: string;
  readonly #mark: BootMark;
  readonly #root: RootDatabase<Uint8Array, number>;
  readonly #records: Database<Uint8Array, number>;
  readonly #owner: Database<string, string>;
  #writes: Write[] = [];
  #closing: Promise<void> | undefined;

  /**
   * Opens the store in the folder `path`, making it when it is not there.
   *
   * @throws {MeanderError} `records-in-use` while another has it open, `records-unreadable`
   */
  static async open(options: {
    readonly path: string;
    readonly log: Log;
  }): Promise<LmdbRecordStore> {
    const { path } = options;
    let store: LmdbRecordStore;
    try {
      store = new LmdbRecordStore(options);
    } catch (cause) {
      throw new MeanderError(
        "records-unreadable",
        `the records of streams cannot be opened: ${cause instanceof MeanderError ? cause.what : messageOf(cause)}`,
        {
          where: path,
          expected: "a folder that this user may write, with records or nothing in it",
          next: "choose another folder, or move what is in there away",
          cause,
        },
      );
    }
    const holder = store.#claim();
    if (holder === undefined) return store;
    await store.#root.close();
    throw new MeanderError("records-in-use", `process ${holder} has these records open`, {
      where: path,
      expected: "one process for each folder",
      next: `stop process ${holder}, or choose another folder`,
    });
  }

  private constructor({ path, log }: { readonly path: string; readonly log: Log }) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#file = join(path, "records.mdb");
    this.#mark = new BootMark(join(path, "records.boot"));
    const boot = bootId();
    const last = this.#mark.read();
    if (last !== undefined && last !== boot) this.#setAside(log);
    checkLmdbFile(this.#file);
    keepLmdbFilePrivate(this.#file);
    if (boot !== undefined) this.#mark.set(boot);
    this.#root = open({
      path: this.#file,
      noSubdir: true,
      noSync: boot !== undefined,
      overlappingSync: false,
    });
    this.#records = this.#root.openDB({ name: "records", encoding: "binary" });
    this.#owner = this.#root.openDB({ name: "owner", encoding: "string" });
  }

  /** A copy. */
  async get(stream: EndpointId): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    // What was called before comes before.
    if (this.#writes.length > 0) this.#flush();
    const kept = this.#records.get(stream);
    return kept === undefined ? undefined : Uint8Array.from(kept);
  }

  /** All of them or none. The bytes are borrowed until it settles. @throws {MeanderError} `records-write-failed` */
  async put(
    records: readonly { readonly stream: EndpointId; readonly bytes: Uint8Array }[],
  ): Promise<void> {
    await this.#write(records);
  }

  /** @throws {MeanderError} `records-write-failed` */
  async delete(stream: EndpointId): Promise<void> {
    await this.#write([{ stream, bytes: undefined }]);
  }

  /** Ends after what was called before; brings all to the disk. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #write(changes: Write["changes"]): Promise<void> {
    this.#checkOpen();
    return new Promise((resolve, reject) => {
      const settle = (error?: MeanderError): void => {
        if (error === undefined) resolve();
        else reject(error);
      };
      if (this.#writes.push({ changes, settle }) === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    const writes = this.#writes;
    if (writes.length === 0) return;
    this.#writes = [];
    let error: MeanderError | undefined;
    try {
      this.#root.transactionSync(() => {
        for (const { changes } of writes) {
          for (const { stream, bytes } of changes) {
            if (bytes === undefined) void this.#records.remove(stream);
            else void this.#records.put(stream, bytes);
          }
        }
      });
    } catch (cause) {
      error = this.#failure(cause);
    }
    for (const { settle } of writes) settle(error);
  }

  /** LMDB's own lock decides between two that try at once. The process that is in the way, if any. */
  #claim(): number | undefined {
    return this.#root.transactionSync(() => {
      const owner = parseOwner(this.#owner.get("process"));
      if (owner !== undefined && isRunning(owner)) return owner.pid;
      void this.#owner.put("process", JSON.stringify(thisOwner()));
      return undefined;
    });
  }

  async #close(): Promise<void> {
    this.#flush();
    this.#root.transactionSync(() => void this.#owner.remove("process"));
    await this.#root.close();
    this.#mark.clear(this.#file);
  }

  #setAside(log: Log): void {
    const torn = `${this.#file}.torn`;
    if (!existsSync(this.#file)) return;
    renameSync(this.#file, torn);
    rmSync(`${this.#file}-lock`, { force: true });
    log.warn("The machine went down while records of streams were written; they are set aside.", {
      file: torn,
    });
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new MeanderError("records-closed", "the records are closed", { where: this.#file });
  }

  #failure(cause: unknown): MeanderError {
    const next = "check that the disk has room and may be written";
    const what = `a record could not be kept: ${messageOf(cause)}`;
    return new MeanderError("records-write-failed", what, { where: this.#file, next, cause });
  }
}
