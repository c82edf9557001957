import { type Cancel, type Clock, LIMITS } from "../../base/index.ts";
import { AuditFolding } from "./audit-folding.ts";
import { encodeAuditLine, parseAuditLine } from "./audit-line.ts";
import { type AuditPage, type AuditQuery, matchesAudit } from "./audit-query.ts";
import type { Audit, AuditFacts, AuditRecord, AuditVerdict } from "./audit-record.ts";
import type { AuditStore } from "./audit-store.ts";

/** What an {@link AuditLog} works with. */
export interface AuditLogOptions {
  /** The site whose log it is. */
  readonly site: string;
  readonly clock: Clock;
  /** Undefined: it is kept in memory alone. */
  readonly store: AuditStore | undefined;
  /** What an error of the store is, in words: `the disk is full`. */
  describe(error: unknown): string;
  /** The store refuses (the reason), or takes records again (undefined). Called when that changes. */
  onFault?(reason: string | undefined): void;
}

/** What an {@link AuditLog} has counted since it was opened. */
export interface AuditCounts {
  /** Records kept, by verdict. */
  readonly records: Readonly<Record<AuditVerdict, number>>;
  /** Acts that one record stands for together with others. */
  readonly folded: number;
  /** Records that did not get into the store. */
  readonly lost: number;
}

/** Records that are written at once. */
const BATCH_MAX = 256;
/** Records are in the order of their numbers, and nearly in that of their times: clocks may have been set back, ms. */
const CLOCK_SET_MS = 3_600_000;
/** A store that refused is tried again after this, ms. */
const RETRY_MS = 1_000;

/**
 * Who did what, on what, from where, and why that was allowed or refused. The newest records are in memory, from where
 * they are written to a store behind the acts: an act never waits for the store, and is not refused because of it. What
 * the store did not take in time is counted, and the log says so when it can again. docs/spec/access.md [A50]-[A54]
 */
export class AuditLog implements Audit {
  readonly #options: AuditLogOptions;
  readonly #folding: AuditFolding;
  readonly #encoder = new TextEncoder();
  /** The newest records, by number. */
  readonly #memory: AuditRecord[];
  readonly #counts: Record<AuditVerdict, number> = { allowed: 0, denied: 0, failed: 0 };
  /** The newest number. */
  #last: number;
  /** Numbers up to here are in the store, or lost. */
  #written: number;
  #lostCount = 0;
  /** Of those, the ones that no record tells of yet, and when the first was lost. */
  #untold = 0;
  #untoldSince = 0;
  #fault: string | undefined;
  #work: Promise<void> | undefined;
  #cancelRetry: Cancel | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** Opens the log with what its store has. @throws what the store does when it is read */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const former: AuditRecord[] = [];
    for await (const record of recordsOf(options.store)) {
      former.push(record);
      if (former.length >= LIMITS.auditRecordsMax) break;
    }
    return new AuditLog(options, former.reverse());
  }

  private constructor(options: AuditLogOptions, former: AuditRecord[]) {
    this.#options = options;
    this.#memory = former;
    this.#last = former.at(-1)?.number ?? 0;
    this.#written = this.#last;
    this.#folding = new AuditFolding({
      clock: options.clock,
      keep: (facts) => this.#keep(facts),
    });
  }

  get counts(): AuditCounts {
    const { foldedCount: folded } = this.#folding;
    return { records: { ...this.#counts }, folded, lost: this.#lostCount };
  }

  /** Why its store takes nothing now; undefined: it does. */
  get fault(): string | undefined {
    return this.#fault;
  }

  note(facts: AuditFacts): void {
    if (!this.#isClosed) this.#folding.note(facts);
  }

  /**
   * The records that match. Older ones than those in memory are read from the store, one question after the other.
   *
   * @throws what the store does when it is read
   */
  async find(query: AuditQuery): Promise<AuditPage> {
    const { after = 0, since = Number.NEGATIVE_INFINITY } = query;
    const [oldest] = this.#memory;
    const isInMemory =
      oldest === undefined || after >= oldest.number - 1 || oldest.at < since || oldest.number <= 1;
    const found = new Newest(query);
    found.addAll([...this.#memory].reverse());
    if (isInMemory || found.isFull) return this.#pageOf(found, query);
    const turn = this.#reading.then(() => this.#findStored(found, oldest.number));
    this.#reading = turn.catch(() => {});
    await turn;
    return this.#pageOf(found, query);
  }

  /** Keeps what is counted, writes what the store takes, and ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#folding.close();
    this.#stopRetry();
    this.#write();
    await this.#work;
    this.#stopRetry();
  }

  #stopRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  async #findStored(found: Newest, before: number): Promise<void> {
    for await (const record of recordsOf(this.#options.store, before)) {
      if (!found.add(record)) return;
    }
  }

  #pageOf(found: Newest, { after }: AuditQuery): AuditPage {
    const { records, more } = found;
    const cut = after !== undefined && more ? records.at(-1)?.number : undefined;
    return { site: this.#options.site, records, more, next: cut ?? this.#last };
  }

  #keep(facts: AuditFacts): void {
    const { site, clock } = this.#options;
    this.#counts[facts.verdict]++;
    this.#last++;
    this.#memory.push({ number: this.#last, at: clock.wall(), site, ...facts });
    if (this.#memory.length > LIMITS.auditRecordsMax) this.#memory.shift();
    // What is being written now may have left the memory.
    if (this.#work === undefined) this.#countLost();
    this.#write();
  }

  /** What has left the memory without having been written is lost. */
  #countLost(): void {
    const oldest = this.#memory[0]?.number ?? this.#last + 1;
    const count = oldest - 1 - this.#written;
    if (this.#options.store === undefined || count <= 0) return;
    if (this.#untold === 0) this.#untoldSince = this.#options.clock.now();
    this.#written += count;
    this.#untold += count;
    this.#lostCount += count;
  }

  #write(): void {
    if (this.#work !== undefined || this.#cancelRetry !== undefined) return;
    const { store, clock } = this.#options;
    if (store === undefined) return;
    this.#work = this.#writeAll(store)
      .catch((error: unknown) => {
        this.#countLost();
        this.#setFault(this.#options.describe(error));
        this.#cancelRetry = clock.after("audit log", RETRY_MS, () => {
          this.#cancelRetry = undefined;
          this.#write();
        });
      })
      .finally(() => {
        this.#work = undefined;
      });
  }

  async #writeAll(store: AuditStore): Promise<void> {
    for (;;) {
      const batch = this.#unwritten();
      const last = batch.at(-1);
      if (last === undefined) {
        if (this.#untold === 0) return;
        this.#tellLost();
        continue;
      }
      const lines = this.#encoder.encode(batch.map(encodeAuditLine).join(""));
      const bytesMax = LIMITS.auditFileBytesMax;
      if (store.bytes > 0 && store.bytes + lines.byteLength > bytesMax) await store.rotate();
      await store.append(lines);
      this.#written = last.number;
      this.#countLost();
      this.#setFault(undefined);
    }
  }

  #unwritten(): readonly AuditRecord[] {
    const first = this.#memory.findIndex(({ number }) => number > this.#written);
    return first < 0 ? [] : this.#memory.slice(first, first + BATCH_MAX);
  }

  #setFault(reason: string | undefined): void {
    if (this.#fault === reason) return;
    this.#fault = reason;
    this.#options.onFault?.(reason);
  }

  #tellLost(): void {
    const { site, clock } = this.#options;
    const count = this.#untold;
    this.#untold = 0;
    this.#keep({
      by: `site:${site}`,
      what: "audit.lost",
      on: "records of this log",
      verdict: "failed",
      rule: "disk-refused",
      count,
      overMs: Math.round(clock.now() - this.#untoldSince),
    });
  }
}

/** The records that match a query, as many of them as it wants; they are offered from the newest to the oldest. */
class Newest {
  readonly #query: AuditQuery;
  /** The newest first. */
  readonly #found: AuditRecord[] = [];
  #hasMore = false;

  constructor(query: AuditQuery) {
    this.#query = query;
  }

  get more(): boolean {
    return this.#hasMore;
  }

  /** Whether what is older can change nothing. */
  get isFull(): boolean {
    return this.#hasMore && this.#query.after === undefined;
  }

  /** The oldest first. */
  get records(): readonly AuditRecord[] {
    return [...this.#found].reverse();
  }

  addAll(records: readonly AuditRecord[]): void {
    for (const record of records) if (!this.add(record)) return;
  }

  /** False: no older record is wanted. */
  add(record: AuditRecord): boolean {
    const { after, since = Number.NEGATIVE_INFINITY, limit } = this.#query;
    if (record.number <= (after ?? 0) || record.at < since - CLOCK_SET_MS) return false;
    if (!matchesAudit(record, this.#query)) return true;
    if (this.#found.length >= limit) {
      this.#hasMore = true;
      if (after === undefined) return false;
      // What follows a number is wanted from the oldest on.
      this.#found.shift();
    }
    this.#found.push(record);
    return true;
  }
}

/**
 * The records of a store, from the newest to the oldest, without those that come twice.
 *
 * @param before only lower numbers
 */
async function* recordsOf(
  store: AuditStore | undefined,
  before: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<AuditRecord> {
  let last = before;
  if (store === undefined) return;
  for await (const lines of store.read()) {
    for (const line of lines) {
      const record = parseAuditLine(line);
      if (record === undefined || record.number >= last) continue;
      last = record.number;
      yield record;
    }
  }
}
