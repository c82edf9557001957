import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Clock, every } from "../../../src/base/index.ts";
import type { PlayerStats } from "../../../src/channel/playout/player-stats.ts";
import { ArrivalLog, type Network, type Watch } from "../../../src/view/index.ts";
import { type FrameDetail, MeanderPlayer } from "../../player/meander-player.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { ARRIVAL_WINDOW_MS, ArrivalChart } from "./arrival-chart.tsx";
import { Choice } from "./choice.tsx";
import { StatsRow } from "./stats-row.tsx";
import { WayList } from "./way-list.tsx";
import "./watch.css";

/** What {@link PlayerPane} shows, and calls. */
export interface PlayerPaneProps {
  readonly clock: Clock;
  readonly network: Network;
  /** Shown to the watched site. */
  readonly token: SessionToken;
  /** Undefined until there is something to show. */
  readonly watch: Watch | undefined;
  /** Address of the watched site; undefined: it is not known. */
  readonly url: string | undefined;
  readonly sites: readonly string[];
  readonly isDown: (site: string) => boolean;
  readonly channels: readonly string[];
  readonly onWatch: (watch: Watch) => void;
}

const STATS_MS = 250;

/** The player, its stats, and when its frames arrived. */
export function PlayerPane(props: PlayerPaneProps) {
  const { clock, token, watch, url } = props;
  const arrivals = useMemo(() => new ArrivalLog(ARRIVAL_WINDOW_MS), []);
  const [stats, setStats] = useState<PlayerStats>();
  const host = useRef<HTMLDivElement>(null);
  const player = useRef<MeanderPlayer>(null);
  const channel = watch?.channel;

  useEffect(() => {
    const screen = host.current;
    if (url === undefined || channel === undefined || screen === null) return;
    arrivals.clear();
    // The same element for every channel: once unmuted, it stays unmuted.
    const element = player.current ?? new MeanderPlayer();
    player.current = element;
    element.token = token.value;
    element.setAttribute("site", url);
    element.setAttribute("channel", channel);
    if (element.isConnected) return;
    element.toggleAttribute("overlay", true);
    element.addEventListener("frame", (event) => {
      const { latencyMs } = (event as CustomEvent<FrameDetail>).detail;
      arrivals.frame(clock.now(), latencyMs);
    });
    screen.append(element);
  }, [arrivals, clock, token, url, channel]);

  useEffect(
    () =>
      token.onChange(() => {
        if (player.current !== null) player.current.token = token.value;
      }),
    [token],
  );

  useEffect(
    () =>
      every(clock, "console stats", STATS_MS, () => {
        if (player.current === null) return;
        const now = player.current.stats;
        arrivals.path(clock.now(), now.path);
        setStats(now);
      }),
    [arrivals, clock],
  );

  return (
    <section class="pane player" aria-label="Player">
      <h2>
        Player
        <Choice
          label="Channel"
          value={channel}
          options={props.channels}
          onChoose={(name) => watch && props.onWatch({ ...watch, channel: name })}
        />
        <span class="at">at</span>
        <Choice
          label="Site"
          value={watch?.site}
          options={props.sites}
          noteOf={(name) => (props.isDown(name) ? " (down)" : "")}
          onChoose={(name) => watch && props.onWatch({ ...watch, site: name })}
        />
      </h2>
      <div class="screen" ref={host}>
        {watch === undefined && <p class="quiet">Waiting for a channel to watch…</p>}
      </div>
      <StatsRow stats={watch && stats} />
      <WayList clock={clock} network={props.network} watch={watch} />
      <ArrivalChart clock={clock} arrivals={arrivals} />
    </section>
  );
}
