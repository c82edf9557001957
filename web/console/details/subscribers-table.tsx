import {
  formatBitRate,
  formatMs,
  type Network,
  type SubscriberRow,
  subscriberRows,
  UNKNOWN,
} from "../../../src/view/index.ts";
import { Drops } from "./channels-table.tsx";

/** Rows drawn; the rest is a count. */
const ROW_COUNT_MAX = 100;

const KINDS = { site: "site", viewer: "player", rtp: "RTP" } as const;

/** Who takes what from one site. */
export function SubscribersTable(props: {
  readonly network: Network;
  readonly site: string;
  /** Undefined: of all channels. */
  readonly channel: string | undefined;
}) {
  const rows = subscriberRows(props.network, props.site, props.channel);
  return (
    <div class="table-block">
      <h2>
        Subscribers at <b>{props.site || UNKNOWN}</b>
        {props.channel !== undefined && (
          <>
            {" "}
            of <b>{props.channel}</b>
          </>
        )}
      </h2>
      {rows.length === 0 ? (
        <p class="quiet">Nobody takes {props.channel ?? "anything"} from here.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Subscriber</th>
              <th scope="col">Kind</th>
              <th scope="col">Channel</th>
              <th scope="col">Address</th>
              <th scope="col">Stack</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Lag
              </th>
              <th scope="col" class="number">
                Bit rate
              </th>
              <th scope="col" class="number">
                Drops
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROW_COUNT_MAX).map((row) => (
              <Row key={`${row.channel} ${row.subscriber.id}`} {...row} />
            ))}
          </tbody>
        </table>
      )}
      {rows.length > ROW_COUNT_MAX && <p class="quiet">and {rows.length - ROW_COUNT_MAX} more</p>}
    </div>
  );
}

function Row({ channel, subscriber, rate, drops, dropCount }: SubscriberRow) {
  const { state } = subscriber;
  const standby = state === "standby";
  const late = state === "skipping" || state === "catching-up";
  return (
    <tr class={standby ? "faint" : ""}>
      <th scope="row">{subscriber.name}</th>
      <td>{KINDS[subscriber.kind]}</td>
      <td>{channel}</td>
      <td>{subscriber.address}</td>
      <td>{subscriber.stack}</td>
      <td class={late ? "warn" : ""}>{state}</td>
      <td class="number">{standby ? UNKNOWN : formatMs(subscriber.lagMs)}</td>
      <td class="number">{formatBitRate(rate?.bitsPerSecond)}</td>
      <td class="number">
        <Drops drops={drops} count={dropCount} />
      </td>
    </tr>
  );
}
