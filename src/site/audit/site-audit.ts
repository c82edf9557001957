import { join } from "node:path";
import type { Clock, Log } from "../../base/index.ts";
import { describeDiskError } from "../../client/record/index.ts";
import {
  type Audit,
  type AuditCounts,
  type AuditFacts,
  AuditLog,
  type AuditPage,
  type AuditQuery,
} from "../../trust/index.ts";
import { AuditFiles } from "./audit-files.ts";

/** What a {@link SiteAudit} works with. */
export interface SiteAuditOptions {
  /** The site's folder. */
  readonly data: string;
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The audit log of a site, in the folder `audit` of the site's. Where the disk does not take it, the site runs all the
 * same: it says so in its log, its health and its metrics, and has the newest records in memory.
 */
export class SiteAudit implements Audit {
  readonly #log: AuditLog;
  readonly #files: AuditFiles | undefined;
  /** Why the folder cannot be used at all. */
  readonly #absence: string | undefined;

  /** Never rejects. */
  static async open({ data, site, clock, log }: SiteAuditOptions): Promise<SiteAudit> {
    const describe = (error: unknown): string => describeDiskError(error).message;
    const folder = join(data, "audit");
    const onFault = (reason: string | undefined): void => {
      if (reason === undefined) log.info("The audit log is written again.");
      else log.error("The audit log cannot be written; requests go on.", { folder, reason });
    };
    const about = { site, clock, describe, onFault };
    try {
      const files = await AuditFiles.open(folder);
      return new SiteAudit(await AuditLog.open({ ...about, store: files }), files, undefined);
    } catch (error) {
      const reason = describe(error);
      log.error("There is no audit log on disk; requests go on.", {
        ...{ folder, reason },
        next: "make room, or give the folder to the site's user, and restart the site",
      });
      return new SiteAudit(await AuditLog.open({ ...about, store: undefined }), undefined, reason);
    }
  }

  private constructor(log: AuditLog, files: AuditFiles | undefined, absence: string | undefined) {
    this.#log = log;
    this.#files = files;
    this.#absence = absence;
  }

  note(facts: AuditFacts): void {
    this.#log.note(facts);
  }

  /** See `AuditLog.find`. */
  find(query: AuditQuery): Promise<AuditPage> {
    return this.#log.find(query);
  }

  get counts(): AuditCounts {
    return this.#log.counts;
  }

  /** Why the site is degraded; empty: it is not. */
  get reasons(): readonly string[] {
    const reason = this.#absence ?? this.#log.fault;
    if (reason === undefined) return [];
    const { lost } = this.#log.counts;
    const told = lost === 0 ? "" : `; ${lost} records are lost`;
    return [`the audit log is not written: ${reason}${told}`];
  }

  /** Writes what is counted and waits, and closes the files. */
  async close(): Promise<void> {
    await this.#log.close();
    await this.#files?.close();
  }
}
