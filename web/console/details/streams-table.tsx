import type { Clock } from "../../../src/base/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { useReport } from "../session/use-report.ts";
import { type Column, DataTable } from "./data-table.tsx";

const PERIOD_MS = 2_000;
/** Rows drawn; the rest is a count. */
const ROW_COUNT_MAX = 200;

/** What is shown of a stream; `GET /api/streams` has more. */
interface StreamRow {
  readonly name: string;
  readonly site: string;
  readonly status: "live" | "lost";
  readonly why?: string;
  readonly streamEpoch: number;
  readonly agents: readonly string[];
  /** Who signed them, by agent. */
  readonly authors?: Readonly<Record<string, string>>;
  readonly durability: { readonly type: string };
  readonly failureManagers: readonly string[];
}

interface StreamsReport {
  readonly streams: readonly StreamRow[];
}

/** The streams of the session, and the location of each. */
export function StreamsTable(props: {
  readonly clock: Clock;
  readonly token: SessionToken;
  /** Address of a site that answers. */
  readonly url: string | undefined;
  readonly onSite: (site: string) => void;
}) {
  const { clock, url, token, onSite } = props;
  const address = url && `${url}/api/streams`;
  const { value, failure } = useReport(clock, address, PERIOD_MS, isStreamsReport, token);
  const streams = value?.streams ?? [];
  return (
    <div class="table-block">
      <h2>
        Streams of the session
        {failure !== undefined && <span class="aside bad">{failure}</span>}
      </h2>
      {streams.length === 0 ? (
        <p class="quiet">
          {value === undefined ? "Not known yet." : "The session has no streams."}
        </p>
      ) : (
        <DataTable
          label="Streams of the session"
          columns={columnsOf(onSite)}
          rows={streams}
          keyOf={({ name }) => name}
          countMax={ROW_COUNT_MAX}
        />
      )}
    </div>
  );
}

function columnsOf(onSite: (site: string) => void): readonly Column<StreamRow>[] {
  return [
    { label: "Stream", cell: ({ name }) => name },
    {
      label: "Location",
      cell: ({ site }) => (
        <button type="button" class="link" title={`Select ${site}`} onClick={() => onSite(site)}>
          {site}
        </button>
      ),
    },
    {
      label: "Status",
      cell: ({ status, why }) => (status === "live" ? "live" : `lost: ${why ?? ""}`),
      tone: ({ status }) => (status === "live" ? "" : "warn"),
    },
    {
      label: "Agents",
      cell: ({ agents, authors = {} }) =>
        agents
          .map((agent) => (authors[agent] === undefined ? agent : `${agent} (signed)`))
          .join(", "),
      hint: ({ authors = {} }) =>
        Object.entries(authors)
          .map(([agent, author]) => `${agent} is signed by ${author}`)
          .join("; ") || undefined,
    },
    { label: "Durability", cell: ({ durability }) => durability.type },
    {
      label: "Failure managers",
      look: "medium",
      cell: ({ failureManagers }) => failureManagers.join(", "),
    },
    {
      label: "Epoch",
      title: "How often it was moved or taken over",
      look: "number",
      cell: ({ streamEpoch }) => streamEpoch,
    },
  ];
}

function isStreamsReport(value: unknown): value is StreamsReport {
  const report = value as Partial<StreamsReport> | null;
  return Array.isArray(report?.streams);
}
