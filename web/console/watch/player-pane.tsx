import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Clock, every } from "../../../src/base/index.ts";
import { ArrivalLog, formatCount, formatMs, UNKNOWN, type Watch } from "../../../src/view/index.ts";
import { type FrameDetail, MeanderPlayer } from "../../player/meander-player.ts";
import type { PlayerStats } from "../../player/player-stats.ts";
import type { SessionToken } from "../../token/session-token.ts";
import { ARRIVAL_WINDOW_MS, ArrivalChart } from "./arrival-chart.tsx";

/** What {@link PlayerPane} shows and tells. */
export interface PlayerPaneProps {
  readonly clock: Clock;
  /** Shown to the watched site. */
  readonly token: SessionToken;
  /** Undefined until there is something to show. */
  readonly watch: Watch | undefined;
  /** Where the watched site's HTTP answers. */
  readonly url: string | undefined;
  readonly sites: readonly string[];
  readonly isDown: (site: string) => boolean;
  readonly channels: readonly string[];
  readonly onWatch: (watch: Watch) => void;
}

const STATS_MS = 250;

/** The player, what it shows, and when its frames came. */
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
    // One element for all that is watched: what was unmuted stays unmuted.
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
        {watch === undefined && <p class="quiet">Waiting for a channel to watch.</p>}
      </div>
      <Figures stats={watch && stats} />
      <ArrivalChart clock={clock} arrivals={arrivals} />
    </section>
  );
}

function Figures({ stats }: { readonly stats: PlayerStats | undefined }) {
  const figures: readonly (readonly [string, string, string, boolean])[] = [
    ["latency", formatMs(stats?.latencyMs), "From entering the network to being shown", false],
    [
      "lost",
      formatCount(stats?.packetsLost),
      "Packets that never came",
      (stats?.packetsLost ?? 0) > 0,
    ],
    [
      "repeated",
      formatCount(stats?.packetsRepeated),
      "Packets that came again and were dropped",
      false,
    ],
    [
      "freezes",
      formatCount(stats?.freezes),
      "Pauses of the picture that a person sees",
      (stats?.freezes ?? 0) > 0,
    ],
    [
      "longest gap",
      stats ? formatMs(stats.longestFreezeMs) : UNKNOWN,
      "Longest time between two pictures",
      false,
    ],
    [
      "resumes",
      formatCount(stats?.resumes),
      "Times the flow went on over another connection",
      false,
    ],
  ];
  return (
    <dl class="figures">
      {figures.map(([label, value, title, odd]) => (
        <div key={label} title={title}>
          <dt>{label}</dt>
          <dd class={odd ? "warn" : ""}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Choice(props: {
  readonly label: string;
  readonly value: string | undefined;
  readonly options: readonly string[];
  readonly noteOf?: (option: string) => string;
  readonly onChoose: (option: string) => void;
}) {
  const { value, options } = props;
  const all = value === undefined || options.includes(value) ? options : [value, ...options];
  return (
    <select
      aria-label={props.label}
      title={props.label}
      disabled={value === undefined}
      value={value ?? ""}
      onChange={(event) => props.onChoose(event.currentTarget.value)}
    >
      {value === undefined && <option value="">{UNKNOWN}</option>}
      {all.map((option) => (
        <option key={option} value={option}>
          {option}
          {props.noteOf?.(option)}
        </option>
      ))}
    </select>
  );
}
