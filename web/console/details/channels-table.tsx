import {
  type ChannelRow,
  channelRows,
  formatBitRate,
  formatCodecs,
  formatCount,
  formatMs,
  formatPath,
  formatStall,
  type Network,
  stateOf,
  UNKNOWN,
} from "../../../src/view/index.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { DropCount } from "./drop-count.tsx";

/** What {@link ChannelsTable} shows, and calls. */
export interface ChannelsTableProps {
  readonly network: Network;
  /** The site whose view of the channels is shown. */
  readonly site: string;
  readonly selected: string | undefined;
  /** The channel that the player shows at this site. */
  readonly watched: string | undefined;
  readonly onSelect: (channel: string) => void;
  readonly onWatch: (channel: string) => void;
}

/** The session's channels as one site has them. */
export function ChannelsTable(props: ChannelsTableProps) {
  const { network, site, selected } = props;
  const rows = channelRows(network, site);
  const down = stateOf(network, site).state === "down";
  return (
    <div class="table-block">
      <h2>
        Channels at <b>{site || UNKNOWN}</b>
        {down && <span class="aside bad">does not answer</span>}
        {selected !== undefined && (
          <button
            type="button"
            class="aside link"
            title="Show all channels (Escape)"
            onClick={() => props.onSelect(selected)}
          >
            show all channels
          </button>
        )}
      </h2>
      {rows.length === 0 ? (
        <p class="quiet">No channel is open in this session. Publish one to see it here.</p>
      ) : (
        <DataTable
          label={`Channels at ${site}`}
          columns={columnsOf(props, down)}
          rows={rows}
          keyOf={({ name }) => name}
          look={({ name }) => (name === selected ? "selected" : "")}
        />
      )}
    </div>
  );
}

function columnsOf(props: ChannelsTableProps, down: boolean): readonly Column<ChannelRow>[] {
  return [
    { label: "Channel", cell: ({ name, codecs }) => select(props, name, codecs) },
    { label: "Codecs", look: "wide", cell: ({ codecs }) => formatCodecs(codecs) },
    {
      label: "Path",
      look: "path",
      cell: ({ here }) =>
        here === undefined ? (
          <span class="quiet">not here; fetched on demand</span>
        ) : here.stalled === undefined ? (
          formatPath(here.path)
        ) : (
          <span class="bad">has not arrived {formatStall(here.stalled)}</span>
        ),
      hint: ({ here }) =>
        here && (here.stalled ? formatStall(here.stalled) : formatPath(here.path)),
    },
    {
      label: "In",
      look: "number",
      cell: (row) => formatBitRate(row.in?.bitsPerSecond),
      hint: (row) => `${formatCount(row.in?.packetsPerSecond)} packets per second`,
    },
    { label: "Out", look: "number", cell: ({ out }) => formatBitRate(out?.bitsPerSecond) },
    {
      label: "Packets/s",
      title: "Packets received per second",
      look: "number wide",
      cell: (row) => formatCount(row.in?.packetsPerSecond),
    },
    {
      label: "Latency",
      title: "From the ingest to this site",
      look: "number",
      cell: ({ here }) => formatMs(here?.latencyMs),
    },
    {
      label: "Jitter",
      title: "Interarrival jitter, RFC 3550 A.8",
      look: "number",
      cell: ({ here }) => formatMs(here?.jitterMs),
    },
    {
      label: "Drops",
      title: "Packets dropped since the site started, by reason",
      look: "number",
      cell: ({ here, drops, dropCount }) =>
        here ? <DropCount drops={drops} count={dropCount} /> : UNKNOWN,
    },
    {
      label: "Subs",
      title: "Subscribers: sites, players and RTP outputs served here",
      look: "number",
      cell: ({ here }) => here?.subscribers.length ?? UNKNOWN,
    },
    { label: "Watch", look: "actions", cell: ({ name }) => watch(props, name, down) },
  ];
}

function select(props: ChannelsTableProps, name: string, codecs: readonly string[]) {
  return (
    <button
      type="button"
      class="link"
      aria-pressed={props.selected === name}
      title={`${formatCodecs(codecs)}. Show only ${name} in the graph and among the subscribers`}
      onClick={() => props.onSelect(name)}
    >
      {name}
    </button>
  );
}

function watch(props: ChannelsTableProps, name: string, down: boolean) {
  const watching = props.watched === name;
  return (
    <button
      type="button"
      disabled={down || watching}
      title={`Watch ${name} at ${props.site}`}
      onClick={() => props.onWatch(name)}
    >
      {watching ? "watching" : "watch"}
    </button>
  );
}
