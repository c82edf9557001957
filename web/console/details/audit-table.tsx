import { useState } from "preact/hooks";
import type { Clock } from "../../../src/base/index.ts";
import { type AuditPage, type AuditRecord, auditWords, formatMs } from "../../../src/view/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { clockTime } from "../session/clock-time.ts";
import { useReport } from "../session/use-report.ts";
import { type Column, DataTable } from "./data-table.tsx";

const PERIOD_MS = 1_000;
/** Records asked for: the newest. */
const RECORD_COUNT = 100;

/** Who did what at a site, and why that was allowed or refused; the newest first. */
export function AuditTable(props: {
  readonly clock: Clock;
  readonly token: SessionToken;
  readonly site: string;
  readonly url: string | undefined;
}) {
  const { clock, url, token, site } = props;
  const [isDeniedOnly, setDeniedOnly] = useState(false);
  const query = `limit=${RECORD_COUNT}&denied=${isDeniedOnly ? 1 : 0}`;
  const address = url && `${url}/api/audit?${query}`;
  const { value, failure } = useReport(clock, address, PERIOD_MS, isAuditPage, token);
  const records = [...(value?.records ?? [])].reverse();
  return (
    <div class="table-block">
      <h2>
        Audit log of {site}
        {failure !== undefined && <span class="aside bad">{failure}</span>}
        <label class="aside check">
          <input
            type="checkbox"
            checked={isDeniedOnly}
            onChange={(event) => setDeniedOnly(event.currentTarget.checked)}
          />
          denied only
        </label>
      </h2>
      {records.length === 0 ? (
        <p class="quiet">
          {value === undefined
            ? "Not known yet."
            : isDeniedOnly
              ? "Nothing was denied."
              : "Nothing is recorded yet."}
        </p>
      ) : (
        <DataTable
          label={`Audit log of ${site}`}
          columns={COLUMNS}
          rows={records}
          keyOf={({ number }) => `${number}`}
        />
      )}
    </div>
  );
}

const COLUMNS: readonly Column<AuditRecord>[] = [
  {
    label: "Time",
    cell: ({ at }) => <time dateTime={new Date(at).toISOString()}>{clockTime(at)}</time>,
    hint: ({ at }) => new Date(at).toLocaleString(),
  },
  {
    label: "Verdict",
    cell: ({ verdict }) => verdict,
    tone: ({ verdict }) => TONE[verdict],
  },
  {
    label: "Who",
    cell: (record) => auditWords(record).who,
    hint: ({ token }) => token && `by the token ${token}`,
  },
  { label: "From", look: "medium", cell: (record) => auditWords(record).from },
  { label: "What", cell: ({ what }) => what, hint: tookOf },
  { label: "On", look: "text", cell: (record) => auditWords(record).on },
  { label: "Why", look: "text", cell: (record) => auditWords(record).why },
];

function tookOf({ ms }: AuditRecord): string | undefined {
  return ms === undefined ? undefined : `took ${formatMs(ms)}`;
}

const TONE = { allowed: "good", denied: "bad", failed: "warn" } as const;

function isAuditPage(value: unknown): value is AuditPage {
  const page = value as Partial<AuditPage> | null;
  return Array.isArray(page?.records);
}
