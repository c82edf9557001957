import type { Clock } from "../../../src/base/index.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { StatsPanel } from "./stats-panel.tsx";

/** What tells most: a channel has a latency, a site uses a CPU. */
const TITLES = ["Flow", "Latency", "CPU"];

/** The last minutes of the selected site, or of the selected channel there. */
export function RecentPane(props: {
  readonly clock: Clock;
  readonly token: SessionToken;
  readonly site: string;
  readonly url: string | undefined;
  readonly channel: string | undefined;
}) {
  return (
    <section class="pane recent" aria-label="Last ten minutes">
      <StatsPanel {...props} only={TITLES} />
    </section>
  );
}
