import {
  formatBitRate,
  formatMs,
  type Network,
  type SubscriberRow,
  subscriberRows,
  UNKNOWN,
} from "../../../src/view/index.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { DropCount } from "./drop-count.tsx";

/** Rows drawn; the rest is a count. */
const ROW_COUNT_MAX = 100;

const KINDS = { site: "site", viewer: "player", rtp: "RTP" } as const;

const COLUMNS: readonly Column<SubscriberRow>[] = [
  { label: "Subscriber", cell: ({ subscriber }) => subscriber.name },
  { label: "Kind", cell: ({ subscriber }) => KINDS[subscriber.kind] },
  { label: "Channel", cell: ({ channel }) => channel },
  { label: "Address", look: "medium", cell: ({ subscriber }) => subscriber.address },
  { label: "Stack", look: "wide", cell: ({ subscriber }) => subscriber.stack },
  {
    label: "State",
    cell: ({ subscriber }) => subscriber.state,
    tone: ({ subscriber: { state } }) =>
      state === "skipping" || state === "catching-up" ? "warn" : "",
  },
  {
    label: "Lag",
    title: "Age of the oldest packet that was sent and not acknowledged",
    look: "number",
    cell: ({ subscriber: { state, lagMs } }) => (state === "standby" ? UNKNOWN : formatMs(lagMs)),
  },
  { label: "Bit rate", look: "number", cell: ({ rate }) => formatBitRate(rate?.bitsPerSecond) },
  {
    label: "Drops",
    look: "number",
    cell: ({ drops, dropCount }) => <DropCount drops={drops} count={dropCount} />,
  },
];

/** The subscribers of one site. */
export function SubscribersTable(props: {
  readonly network: Network;
  readonly site: string;
  /** Undefined: of all channels. */
  readonly channel: string | undefined;
}) {
  const { network, site, channel } = props;
  const rows = subscriberRows(network, site, channel);
  return (
    <div class="table-block">
      <h2>
        Subscribers at <b>{site || UNKNOWN}</b>
        {channel !== undefined && (
          <>
            {" "}
            of <b>{channel}</b>
          </>
        )}
      </h2>
      {rows.length === 0 ? (
        <p class="quiet">
          {channel === undefined
            ? "This site has no subscribers."
            : `${channel} has no subscribers here.`}
        </p>
      ) : (
        <DataTable
          label={`Subscribers at ${site}`}
          columns={COLUMNS}
          rows={rows}
          keyOf={(row) => `${row.channel} ${row.subscriber.id}`}
          look={({ subscriber }) => (subscriber.state === "standby" ? "faint" : "")}
          countMax={ROW_COUNT_MAX}
        />
      )}
    </div>
  );
}
