import {
  formatBitRate,
  formatCount,
  formatHeldBack,
  formatOrigin,
  formatSpan,
  type InputRow,
  inputRows,
  type Network,
  UNKNOWN,
} from "../../../src/view/index.ts";
import { type Column, DataTable } from "./data-table.tsx";

const COLUMNS: readonly Column<InputRow>[] = [
  { label: "Source", cell: ({ input }) => input.name },
  { label: "Channel", cell: ({ channel }) => channel },
  {
    label: "State",
    cell: ({ input }) => input.state,
    tone: ({ input: { state } }) =>
      state === "down" || state === "suspected" ? "warn" : state === "active" ? "good" : "",
  },
  {
    label: "Known by",
    title: "The route of the site, or another site that told of it",
    cell: ({ input }) => formatOrigin(input),
    tone: ({ isLearned }) => (isLearned ? "learned" : ""),
  },
  {
    label: "Held back",
    look: "medium",
    title: "It was lost again and again: it has to be well for this long before it is preferred",
    cell: ({ input }) =>
      formatHeldBack(input) === undefined ? "" : formatSpan(input.origin?.heldBackMs ?? 0),
    hint: ({ input }) => formatHeldBack(input),
    tone: () => "warn",
  },
  { label: "Stack", look: "wide", cell: ({ input }) => input.connection },
  {
    label: "Packets",
    title: "Received from it since the site started",
    look: "number medium",
    cell: ({ input }) => formatCount(input.packets),
  },
  { label: "Bit rate", look: "number", cell: ({ rate }) => formatBitRate(rate?.bitsPerSecond) },
];

/** What one site receives its channels from, and may receive them from. */
export function InputsTable(props: {
  readonly network: Network;
  readonly site: string;
  /** Undefined: of all channels. */
  readonly channel: string | undefined;
}) {
  const { network, site, channel } = props;
  const rows = inputRows(network, site, channel);
  if (rows.length === 0) return null;
  return (
    <div class="table-block">
      <h2>
        Sources at <b>{site || UNKNOWN}</b>
        {channel !== undefined && (
          <>
            {" "}
            of <b>{channel}</b>
          </>
        )}
      </h2>
      <DataTable
        label={`Sources at ${site}`}
        columns={COLUMNS}
        rows={rows}
        keyOf={(row) => `${row.channel} ${row.input.kind} ${row.input.name}`}
        look={({ input }) => (input.state === "active" ? "" : "faint")}
      />
    </div>
  );
}
