import type { Clock } from "../../../src/base/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { useReport } from "../session/use-report.ts";

const PERIOD_MS = 2_000;
/** Rows drawn; the rest is a count. */
const ROW_COUNT_MAX = 200;

/** What is shown of a stream; `GET /api/streams` tells more. */
interface StreamRow {
  readonly name: string;
  readonly site: string;
  readonly status: "live" | "lost";
  readonly why?: string;
  readonly streamEpoch: number;
  readonly agents: readonly string[];
  readonly durability: { readonly type: string };
  readonly failureManagers: readonly string[];
}

interface StreamsReport {
  readonly streams: readonly StreamRow[];
}

/** The streams of the session, and where each is. */
export function StreamsTable(props: {
  readonly clock: Clock;
  readonly token: SessionToken;
  /** Address of a site that answers. */
  readonly url: string | undefined;
  readonly onSite: (site: string) => void;
}) {
  const address = props.url && `${props.url}/api/streams`;
  const { value, failure } = useReport(
    props.clock,
    address,
    PERIOD_MS,
    isStreamsReport,
    props.token,
  );
  const streams = value?.streams ?? [];
  return (
    <div class="table-block">
      <h2>
        Streams of the session
        {failure !== undefined && <span class="aside bad">{failure}</span>}
      </h2>
      {streams.length === 0 ? (
        <p class="quiet">{value === undefined ? "Not known yet." : "There are no streams."}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Stream</th>
              <th scope="col">At</th>
              <th scope="col">Status</th>
              <th scope="col">Agents</th>
              <th scope="col">Kept</th>
              <th scope="col">Failure managers</th>
              <th scope="col" class="number">
                Epoch
              </th>
            </tr>
          </thead>
          <tbody>
            {streams.slice(0, ROW_COUNT_MAX).map((each) => (
              <tr key={each.name}>
                <th scope="row">{each.name}</th>
                <td>
                  <button type="button" class="link" onClick={() => props.onSite(each.site)}>
                    {each.site}
                  </button>
                </td>
                <td class={each.status === "live" ? "" : "warn"}>
                  {each.status === "live" ? "live" : `lost: ${each.why ?? ""}`}
                </td>
                <td>{each.agents.join(", ")}</td>
                <td>{each.durability.type}</td>
                <td>{each.failureManagers.join(", ")}</td>
                <td class="number">{each.streamEpoch}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {streams.length > ROW_COUNT_MAX && (
        <p class="quiet">and {streams.length - ROW_COUNT_MAX} more</p>
      )}
    </div>
  );
}

function isStreamsReport(value: unknown): value is StreamsReport {
  const report = value as Partial<StreamsReport> | null;
  return Array.isArray(report?.streams);
}
