import type { PlayerStats } from "../../../src/channel/playout/player-stats.ts";
import { formatCount, formatMs, UNKNOWN } from "../../../src/view/index.ts";

/** What one value shows of a player's stats. */
interface Entry {
  readonly label: string;
  readonly title: string;
  readonly text: (stats: PlayerStats) => string;
  /** It should be zero, and is not. */
  readonly isOdd?: (stats: PlayerStats) => boolean;
}

const ENTRIES: readonly Entry[] = [
  {
    label: "latency",
    title: "From entering the network to being shown",
    text: ({ latencyMs }) => formatMs(latencyMs),
  },
  {
    label: "lost",
    title: "Packets that never arrived",
    text: ({ packetsLost }) => formatCount(packetsLost),
    isOdd: ({ packetsLost }) => packetsLost > 0,
  },
  {
    label: "repeated",
    title: "Packets that arrived again and were dropped",
    text: ({ packetsRepeated }) => formatCount(packetsRepeated),
  },
  {
    label: "freezes",
    title: "Pauses of the picture that a viewer notices",
    text: ({ freezes }) => formatCount(freezes),
    isOdd: ({ freezes }) => freezes > 0,
  },
  {
    label: "longest gap",
    title: "Longest time between two pictures",
    text: ({ longestFreezeMs }) => formatMs(longestFreezeMs),
  },
  {
    label: "resumes",
    title: "How often the channel continued over another connection",
    text: ({ resumes }) => formatCount(resumes),
  },
];

/** The most important stats of a player, in a row. */
export function StatsRow({ stats }: { readonly stats: PlayerStats | undefined }) {
  return (
    <dl class="player-stats">
      {ENTRIES.map(({ label, title, text, isOdd }) => (
        <div key={label} title={title}>
          <dt>{label}</dt>
          <dd class={stats !== undefined && isOdd?.(stats) ? "warn" : ""}>
            {stats === undefined ? UNKNOWN : text(stats)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
