import type { ChannelNow, SlowNow } from "../../client/contract/index.ts";
import {
  formatBitRate,
  formatBytes,
  formatCount,
  formatMs,
  formatShare,
  formatStall,
  UNKNOWN,
} from "../../view/index.ts";
import { sparkline } from "../sparkline.ts";
import type { Paint } from "../terminal.ts";
import { type Column, lineOf, type Piece, tableLines } from "./screen-lines.ts";
import type { TopSession, TopSite } from "./session-poll.ts";

/** What is shown: everything, or one thing in full. */
export type TopView = "all" | "channels" | "viewers";

/** What the user has chosen. */
export interface TopChoice {
  readonly view: TopView;
  /** Index in {@link SORTS}. */
  readonly sort: number;
  /** The one site whose channels and viewers are shown; undefined: all. */
  readonly site: string | undefined;
  readonly isPaused: boolean;
}

/** Where it is shown. */
export interface TopFrame {
  readonly width: number;
  /** Undefined: as much as there is, without keys. */
  readonly height: number | undefined;
  readonly paint: Paint;
  /** Of day, for people. */
  readonly time: string;
}

/** How sites and channels can be sorted: by a number, the largest first; names are always the same way up. */
export const SORTS = ["name", "out", "subs", "drops", "cpu"] as const;

interface ChannelRow extends ChannelNow {
  readonly site: string;
}

interface SlowRow extends SlowNow {
  readonly site: string;
}

const BAR_WIDTH = 6;
const SPARK_WIDTH = 16;

/** The screen as lines. */
export function topScreen(session: TopSession, choice: TopChoice, frame: TopFrame): string[] {
  const { width, height, paint, time } = frame;
  const sites = sortedSites(session.sites, choice);
  const chosen = sites.filter(({ name }) => choice.site === undefined || name === choice.site);
  const channels = sortedChannels(chosen, choice);
  const slow = chosen
    .flatMap(({ name, stats }) => (stats?.slowest ?? []).map((each) => ({ ...each, site: name })))
    .sort((a, b) => b.lagMs - a.lagMs);
  const selected = choice.site === undefined ? undefined : sites.findIndex(isNamed(choice.site));
  const sorted = SORTS[choice.sort]?.toUpperCase();
  const options = { width, paint, sorted };
  const blocks: { readonly title: string; readonly lines: readonly string[]; least: number }[] = [];
  const add = (title: string, lines: readonly string[], least: number): void => {
    if (lines.length > 1) blocks.push({ title, lines, least });
  };
  const at = choice.site === undefined ? "" : ` at ${choice.site}`;
  add("sites", tableLines(SITE_COLUMNS, sites, { ...options, selected }), sites.length + 1);
  if (choice.view !== "viewers")
    add(`channels${at}`, tableLines(CHANNEL_COLUMNS, channels, options), 4);
  if (choice.view !== "channels") {
    add(`slowest${at}`, tableLines(SLOW_COLUMNS, slow, { width, paint }), 3);
  }
  const head = [headOf(session, time, frame), ...problemsOf(session, frame)];
  const foot = height === undefined ? [] : [footOf(choice, frame)];
  const room = height === undefined ? Number.POSITIVE_INFINITY : height - head.length - foot.length;
  const body = arrange(blocks, room, frame);
  const filler = height === undefined ? 0 : Math.max(0, room - body.length);
  return [...head, ...body, ...Array<string>(filler).fill(""), ...foot];
}

/** Sites in the order in which they are shown. */
export function sortedSites(sites: readonly TopSite[], { sort }: TopChoice): readonly TopSite[] {
  const pick = (site: TopSite): number => {
    const { stats } = site;
    switch (SORTS[sort]) {
      case "out":
        return stats?.bitsOut ?? -1;
      case "subs":
        return stats?.subscribers ?? -1;
      case "drops":
        return stats?.drops ?? -1;
      case "cpu":
        return stats?.cpu ?? -1;
      default:
        return 0;
    }
  };
  return [...sites].sort((a, b) => pick(b) - pick(a) || (a.name < b.name ? -1 : 1));
}

function sortedChannels(sites: readonly TopSite[], { sort }: TopChoice): readonly ChannelRow[] {
  const rows = sites.flatMap(({ name, stats }) =>
    (stats?.channels ?? []).map((each) => ({ ...each, site: name })),
  );
  const pick = (row: ChannelRow): number => {
    switch (SORTS[sort]) {
      case "out":
        return row.bitsOut;
      case "subs":
        return row.subscribers;
      case "drops":
        return row.drops;
      default:
        return 0;
    }
  };
  const key = ({ name, site }: ChannelRow): string => `${name} ${site}`;
  return rows.sort((a, b) => pick(b) - pick(a) || (key(a) < key(b) ? -1 : 1));
}

const SITE_COLUMNS: readonly Column<TopSite>[] = [
  { title: "NAME", cell: ({ name }) => ({ text: name, style: "bold" }) },
  { title: "STATE", cell: stateOf },
  { title: "", cell: ({ stats }) => bar(stats?.cpu), expendable: 2 },
  {
    title: "CPU",
    align: "right",
    least: 5,
    cell: ({ stats }) => ({ ...graded(stats?.cpu, 0.7, 0.9), text: formatShare(stats?.cpu) }),
  },
  {
    title: "MEM",
    align: "right",
    least: 7,
    cell: ({ stats }) => formatBytes(stats?.memory.used),
    expendable: 1,
  },
  {
    title: "LOOP",
    align: "right",
    least: 6,
    expendable: 1,
    cell: ({ stats }) => ({
      ...graded(stats?.loopMs.plane, 20, 100),
      text: formatMs(stats?.loopMs.plane),
    }),
  },
  { title: "CHANS", align: "right", cell: ({ stats }) => count(stats?.channels.length) },
  { title: "SUBS", align: "right", least: 5, cell: ({ stats }) => count(stats?.subscribers) },
  { title: "IN", align: "right", least: 9, cell: ({ stats }) => formatBitRate(stats?.bitsIn) },
  {
    title: "OUT",
    align: "right",
    least: 9,
    cell: ({ stats }) => formatBitRate(stats?.bitsOut),
  },
  {
    title: "",
    expendable: 3,
    cell: ({ history }) => ({
      text: sparkline(history.slice(-SPARK_WIDTH), SPARK_WIDTH).padStart(SPARK_WIDTH),
      style: "cyan",
    }),
  },
  { title: "DROPS", align: "right", least: 6, cell: ({ stats }) => drops(stats?.drops) },
  {
    title: "FILES",
    align: "right",
    expendable: 4,
    cell: ({ stats }) => count(stats?.descriptors?.used),
  },
];

const CHANNEL_COLUMNS: readonly Column<ChannelRow>[] = [
  { title: "NAME", cell: ({ name }) => ({ text: clipped(name, 32), style: "bold" }) },
  { title: "AT", cell: ({ site }) => site },
  {
    title: "COMES THROUGH",
    expendable: 2,
    cell: ({ path, stalled }) => {
      if (stalled != null) {
        const text = `no way ${formatStall(stalled)}`;
        return { text: clipped(text, 40), style: "yellow" };
      }
      if (path.length === 0) return { text: "no way", style: "yellow" };
      return clipped(path.join(" › "), 40);
    },
  },
  { title: "IN", align: "right", least: 9, cell: ({ bitsIn }) => formatBitRate(bitsIn) },
  { title: "OUT", align: "right", least: 9, cell: ({ bitsOut }) => formatBitRate(bitsOut) },
  { title: "SUBS", align: "right", least: 5, cell: ({ subscribers }) => count(subscribers) },
  {
    title: "LATENCY",
    align: "right",
    least: 7,
    cell: ({ latencyMs }) => formatMs(latencyMs ?? undefined),
  },
  {
    title: "JITTER",
    align: "right",
    least: 6,
    cell: ({ jitterMs }) => formatMs(jitterMs ?? undefined),
    expendable: 1,
  },
  { title: "DROPS", align: "right", least: 6, cell: (row) => drops(row.drops) },
];

const SLOW_COLUMNS: readonly Column<SlowRow>[] = [
  { title: "NAME", cell: ({ name }) => clipped(name, 32) },
  { title: "KIND", cell: ({ kind }) => kind, expendable: 1 },
  { title: "CHANNEL", cell: ({ channel }) => clipped(channel, 32) },
  { title: "AT", cell: ({ site }) => site },
  {
    title: "LAG",
    align: "right",
    least: 6,
    cell: ({ lagMs }) => ({ ...graded(lagMs, 500, 1_000), text: formatMs(lagMs) }),
  },
  {
    title: "STATE",
    cell: ({ state }) => ({ text: state, style: state === "live" ? undefined : "yellow" }),
  },
  { title: "LOST", align: "right", cell: (row) => count(row.drops) },
  { title: "ADDRESS", cell: ({ address }) => ({ text: address, style: "dim" }), expendable: 2 },
];

/** `1 channel`, `2 channels` */
function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function headOf({ name, sites }: TopSession, time: string, { width, paint }: TopFrame): string {
  const up = sites.flatMap(({ stats }) => (stats === undefined ? [] : [stats]));
  const sum = (pick: (each: (typeof up)[number]) => number): number =>
    up.reduce((total, each) => total + pick(each), 0);
  const channels = new Set(up.flatMap((each) => each.channels.map((channel) => channel.name))).size;
  const viewers = sum((each) => each.viewers);
  const left: (Piece | string)[] = [
    { text: "Meander", style: "bold" },
    { text: ` ${name.slice(0, 12)}`, style: "dim" },
    `   ${up.length}/${sites.length} sites   ${counted(channels, "channel")}   ${counted(viewers, "viewer")}   `,
    { text: "▼ ", style: "green" },
    `${formatBitRate(sum((each) => each.bitsIn))}  `,
    { text: "▲ ", style: "cyan" },
    `${formatBitRate(sum((each) => each.bitsOut))}   `,
    drops(sum((each) => each.drops)),
    " drops/s",
  ];
  const used = left.reduce(
    (total, piece) => total + [...(typeof piece === "string" ? piece : piece.text)].length,
    0,
  );
  const space = " ".repeat(Math.max(1, width - used - time.length));
  return lineOf([...left, space, { text: time, style: "dim" }], width, paint);
}

/** Problems, one line each. */
function problemsOf({ sites, problem }: TopSession, { width, paint }: TopFrame): string[] {
  const lines: Piece[] = problem === undefined ? [] : [{ text: `! ${problem}`, style: "yellow" }];
  for (const { name, stats, failure } of sites) {
    if (failure !== undefined) lines.push({ text: `! ${name}: ${failure}`, style: "red" });
    else if (stats?.reason != null) {
      lines.push({ text: `! ${name}: ${stats.reason}`, style: "yellow" });
    }
  }
  return lines.map((piece) => lineOf([piece], width, paint));
}

function footOf({ view, sort, site, isPaused }: TopChoice, { width, paint }: TopFrame): string {
  const key = (letter: string, words: string, isOn = false): (Piece | string)[] => [
    { text: letter, style: "bold" },
    { text: ` ${words}`, style: isOn ? "cyan" : "dim" },
    "   ",
  ];
  return lineOf(
    [
      ...key("q", "quit"),
      ...key("a", "all", view === "all"),
      ...key("c", "channels", view === "channels"),
      ...key("v", "viewers", view === "viewers"),
      ...key("s", `sort by ${SORTS[sort]}`),
      ...key("↑↓", site === undefined ? "all sites" : site, site !== undefined),
      ...key("p", isPaused ? "PAUSED" : "pause", isPaused),
    ],
    width,
    paint,
  );
}

/** Blocks below each other, with an empty line before each; what does not fit is counted. */
function arrange(
  blocks: readonly { readonly title: string; readonly lines: readonly string[]; least: number }[],
  room: number,
  { width, paint }: TopFrame,
): string[] {
  const body: string[] = [];
  let left = room;
  for (const [index, { title, lines }] of blocks.entries()) {
    const later = blocks
      .slice(index + 1)
      .reduce((sum, { lines: each, least }) => sum + 2 + Math.min(least, each.length), 0);
    const share = Math.max(left - later - 2, 2);
    if (left < 4) break;
    body.push("", lineOf([{ text: title, style: "cyan" }], width, paint));
    const shown = lines.length <= share ? lines : lines.slice(0, share - 1);
    body.push(...shown);
    if (shown.length < lines.length) {
      const text = `  and ${lines.length - shown.length} more`;
      body.push(lineOf([{ text, style: "dim" }], width, paint));
    }
    left = room - body.length;
  }
  return body.slice(0, room === Number.POSITIVE_INFINITY ? undefined : room);
}

function stateOf({ stats, isLeader }: TopSite): Piece {
  if (stats === undefined) return { text: "● down", style: "red" };
  const role = isLeader ? " leader" : "";
  if (stats.status === "ok") return { text: `● ok${role}`, style: "green" };
  return { text: `● degraded${role}`, style: "yellow" };
}

function bar(share: number | undefined): Piece {
  if (share === undefined) return { text: "" };
  const filled = Math.min(BAR_WIDTH, Math.ceil(share * BAR_WIDTH));
  return { ...graded(share, 0.7, 0.9), text: "■".repeat(filled) + "·".repeat(BAR_WIDTH - filled) };
}

function graded(value: number | undefined, warn: number, bad: number): Pick<Piece, "style"> {
  if (value === undefined || value < warn) return { style: "green" };
  return { style: value < bad ? "yellow" : "red" };
}

function drops(perSecond: number | undefined): Piece {
  if (perSecond === undefined) return { text: UNKNOWN };
  return { text: formatCount(perSecond), style: perSecond >= 0.5 ? "red" : "dim" };
}

function count(value: number | undefined): string {
  return value === undefined ? UNKNOWN : formatCount(value);
}

function clipped(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function isNamed(name: string): (site: TopSite) => boolean {
  return (site) => site.name === name;
}
