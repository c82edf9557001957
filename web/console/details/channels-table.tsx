import {
  type ChannelRow,
  channelRows,
  type Drop,
  formatBitRate,
  formatCodecs,
  formatCount,
  formatMs,
  formatPath,
  type Network,
  stateOf,
  UNKNOWN,
} from "../../../src/view/index.ts";

/** What {@link ChannelsTable} shows and tells. */
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
  const { network, site } = props;
  const rows = channelRows(network, site);
  const down = stateOf(network, site).state === "down";
  return (
    <div class="table-block">
      <h2>
        Channels at <b>{site || UNKNOWN}</b>
        {down && <span class="aside bad">does not answer</span>}
        {props.selected !== undefined && (
          <button
            type="button"
            class="aside link"
            onClick={() => props.selected !== undefined && props.onSelect(props.selected)}
          >
            show all channels
          </button>
        )}
      </h2>
      {rows.length === 0 ? (
        <p class="quiet">No channel is open in this session. Publish one to see it here.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Channel</th>
              <th scope="col" class="codecs">
                Codecs
              </th>
              <th scope="col">Path</th>
              <th scope="col" class="number">
                In
              </th>
              <th scope="col" class="number">
                Out
              </th>
              <th scope="col" class="number packets" title="Packets per second that come in">
                Packets/s
              </th>
              <th scope="col" class="number" title="Ingest to this site">
                Latency
              </th>
              <th scope="col" class="number" title="Interarrival jitter, RFC 3550 A.8">
                Jitter
              </th>
              <th scope="col" class="number" title="Packets dropped since the start, by reason">
                Drops
              </th>
              <th scope="col" class="number" title="Sites, players and RTP outputs served here">
                Subs
              </th>
              <th scope="col">
                <span class="hidden">Watch</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.name} row={row} down={down} {...props} />
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function Row({
  row,
  down,
  ...props
}: ChannelsTableProps & { readonly row: ChannelRow; readonly down: boolean }) {
  const { here, name } = row;
  const selected = props.selected === name;
  return (
    <tr class={selected ? "selected" : ""}>
      <th scope="row">
        <button
          type="button"
          class="link"
          aria-pressed={selected}
          title={`${formatCodecs(row.codecs)}. Show only ${name} in the graph and among the subscribers`}
          onClick={() => props.onSelect(name)}
        >
          {name}
        </button>
      </th>
      <td class="codecs">{formatCodecs(row.codecs)}</td>
      <td class="path" title={here && formatPath(here.path)}>
        {here === undefined ? (
          <span class="quiet">not here, fetched on demand</span>
        ) : (
          formatPath(here.path)
        )}
      </td>
      <td class="number" title={`${formatCount(row.in?.packetsPerSecond)} packets per second`}>
        {formatBitRate(row.in?.bitsPerSecond)}
      </td>
      <td class="number">{formatBitRate(row.out?.bitsPerSecond)}</td>
      <td class="number packets">{formatCount(row.in?.packetsPerSecond)}</td>
      <td class="number">{formatMs(here?.latencyMs)}</td>
      <td class="number">{formatMs(here?.jitterMs)}</td>
      <td class="number">{here ? <Drops drops={row.drops} count={row.dropCount} /> : UNKNOWN}</td>
      <td class="number">{here ? here.subscribers.length : UNKNOWN}</td>
      <td class="actions">
        <button
          type="button"
          disabled={down || props.watched === name}
          title={`Watch ${name} at ${props.site}`}
          onClick={() => props.onWatch(name)}
        >
          {props.watched === name ? "watching" : "watch"}
        </button>
      </td>
    </tr>
  );
}

/** A drop count that opens to its reasons. */
export function Drops({
  drops,
  count,
}: {
  readonly drops: readonly Drop[];
  readonly count: number;
}) {
  if (count === 0) return <>0</>;
  const words = drops.map((drop) => `${drop.reason}: ${formatCount(drop.count)}`);
  return (
    <details class="drops" title={words.join("\n")}>
      <summary>{formatCount(count)}</summary>
      <ul>
        {words.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </details>
  );
}
