import { useState } from "preact/hooks";
import type { Clock } from "../../../src/base/index.ts";
import { type StatsView, statsCharts, UNKNOWN } from "../../../src/view/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { useReport } from "../session/use-report.ts";
import { StatsChart } from "./stats-chart.tsx";

/** How far back, and how often there are new values, ms. */
const SPANS = [
  { since: "10m", periodMs: 2_000 },
  { since: "2h", periodMs: 10_000 },
  { since: "24h", periodMs: 60_000 },
  { since: "7d", periodMs: 60_000 },
] as const;

/** What {@link StatsPanel} shows. */
export interface StatsPanelProps {
  readonly clock: Clock;
  readonly token: SessionToken;
  readonly site: string;
  /** Address of the site; undefined: it is not known. */
  readonly url: string | undefined;
  /** Undefined: the site itself. */
  readonly channel: string | undefined;
  /** Titles of the charts shown, of the last ten minutes; undefined: all, with a choice of spans. */
  readonly only?: readonly string[];
}

/** The history of a site, or of a channel there, as charts. */
export function StatsPanel(props: StatsPanelProps) {
  const { clock, site, url, channel, only } = props;
  const [span, setSpan] = useState<(typeof SPANS)[number]>(SPANS[0]);
  const about = channel === undefined ? "" : `&channel=${encodeURIComponent(channel)}`;
  const address = url && `${url}/api/stats?since=${span.since}${about}`;
  const { value, failure } = useReport(clock, address, span.periodMs, isStatsView, props.token);
  const charts =
    value === undefined
      ? []
      : statsCharts(value).filter(({ title }) => only?.includes(title) ?? true);
  return (
    <div class="table-block">
      <h2>
        {only === undefined ? "Statistics of " : "Last ten minutes of "}
        {channel !== undefined && (
          <>
            <b>{channel}</b>
            {" at "}
          </>
        )}
        <b>{site || UNKNOWN}</b>
        {failure !== undefined && <span class="aside bad">{failure}</span>}
        {only === undefined && (
          <fieldset class="aside spans" aria-label="Time span">
            {SPANS.map((each) => (
              <button
                key={each.since}
                type="button"
                class="link span"
                aria-pressed={each === span}
                onClick={() => setSpan(each)}
              >
                {each.since}
              </button>
            ))}
          </fieldset>
        )}
      </h2>
      {value !== undefined && charts.length === 0 && (
        <p class="quiet">{site} has no statistics of that yet.</p>
      )}
      <div class="charts">
        {value !== undefined &&
          charts.map((chart) => (
            <StatsChart key={chart.title} chart={chart} from={value.from} stepMs={value.stepMs} />
          ))}
      </div>
    </div>
  );
}

function isStatsView(value: unknown): value is StatsView {
  const view = value as Partial<StatsView> | null;
  return Array.isArray(view?.series) && typeof view?.stepMs === "number";
}
