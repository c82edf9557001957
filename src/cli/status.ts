import type { Command } from "commander";
import type {
  HealthView,
  RecordStatus,
  SiteStats,
  StreamsView,
  Usage,
} from "../client/contract/index.ts";
import type { SiteView } from "../site/index.ts";
import { formatBytes, formatHeldBack, formatOrigin, formatStall } from "../view/index.ts";
import { clientOf, type SiteArguments, withSite } from "./arguments.ts";
import { openTerminal, type Paint, type Terminal, table } from "./terminal.ts";

/** `meander status` */
export function addStatus(program: Command): void {
  withSite(
    program.command("status").description("show the state of the site: links, inputs, subscribers"),
  ).action(async (options: SiteArguments) => {
    const terminal = openTerminal(options.json === true);
    const client = clientOf(options);
    const [health, stats, view, streams, recordings] = await Promise.all([
      client.health(),
      client.currentStats(),
      client.site(),
      client.streams(),
      client.recordings(),
    ]);
    const { descriptors, memory, heap } = stats;
    const limits = { descriptors, memory, heap };
    terminal.show({ health, ...view, limits, streams: streams.counts, recordings }, () =>
      [
        describe(terminal, health, stats, view, streams),
        ...recordingsOf(terminal, recordings),
      ].join("\n"),
    );
  });
}

function describe(
  terminal: Terminal,
  health: HealthView,
  stats: SiteStats,
  { site, snapshot, process: usage }: SiteView,
  { streams, counts }: StreamsView,
): string {
  const { paint } = terminal;
  const state = paint(health.status === "ok" ? "green" : "yellow", health.status);
  const megabytes = Math.round(usage.rssBytes / 1e6);
  const head = `${paint("bold", site.name)} ${state}, up ${Math.round(usage.uptimeSeconds)} s, ${megabytes} MB, directory ${health.directory}`;
  const reasons = health.reason === null ? [] : [paint("yellow", `! ${health.reason}`)];
  const shells = `${counts.shells} ${counts.shells === 1 ? "shell" : "shells"}`;
  const lives = `streams: ${counts.resident} of ${streams.length} here, ${shells}, ${counts.messages["consumed"] ?? 0} messages consumed`;
  const { processes, memoryMb, groups } = counts.executors;
  const memory = memoryMb === null ? "" : `, ${Math.round(memoryMb)} MiB`;
  const runs = `${processes} ${processes === 1 ? "process" : "processes"} of agents${memory}, control groups: ${groups}`;
  const links = snapshot.peers.map(({ name, role, stack, state: link, direction, rttMs }) => [
    name,
    role,
    stack,
    direction,
    link,
    rttMs === undefined ? "" : `${rttMs.toFixed(1)} ms`,
  ]);
  const outputs = snapshot.channels.flatMap(({ name, subscribers }) =>
    subscribers.map((each) => [
      name,
      each.name,
      each.kind,
      each.state,
      `${each.packets}`,
      dropsOf(each.drops),
    ]),
  );
  const frames = counts.peers.map((each) => [
    each.site,
    each.state,
    `${each.framesSent}`,
    `${each.framesReceived}`,
    `${each.backlogBytes}`,
  ]);
  return [
    head,
    ...reasons,
    ...stallLines(snapshot, paint),
    `limits: ${limitsOf(stats)}`,
    lives,
    ...(processes === 0 ? [] : [`agents: ${runs}`]),
    ...section(
      terminal,
      "links",
      ["NAME", "ROLE", "STACK", "DIRECTION", "STATE", "ROUND TRIP"],
      links,
    ),
    ...section(
      terminal,
      "inputs",
      ["CHANNEL", "FROM", "KIND", "STATE", "KNOWN BY", "PACKETS", "DROPS"],
      inputRows(snapshot, paint),
    ),
    ...section(
      terminal,
      "subscribers",
      ["CHANNEL", "TO", "KIND", "STATE", "PACKETS", "DROPS"],
      outputs,
    ),
    ...section(
      terminal,
      "streams",
      ["TO", "STATE", "FRAMES SENT", "RECEIVED", "BYTES WAITING"],
      frames,
    ),
  ].join("\n");
}

/** What the channels come from, and may come from: with how that is known, and what is wrong with it. */
export function inputRows({ channels }: SiteView["snapshot"], paint: Paint): string[][] {
  return channels.flatMap(({ name, inputs }) =>
    inputs.map((input) => {
      const held = formatHeldBack(input);
      const odd = [dropsOf(input.drops), held && paint("yellow", held)].filter(Boolean).join(", ");
      const { kind, packets, state } = input;
      return [name, input.name, kind, state, formatOrigin(input), `${packets}`, odd];
    }),
  );
}

/** A line for each channel that is wanted and does not arrive. */
export function stallLines({ channels }: SiteView["snapshot"], paint: Paint): string[] {
  return channels.flatMap(({ name, stalled }) =>
    stalled === undefined
      ? []
      : [paint("yellow", `! ${name} has not arrived ${formatStall(stalled)}`)],
  );
}

function recordingsOf(terminal: Terminal, recordings: readonly RecordStatus[]): string[] {
  const rows = recordings.map(({ channel, state, file, seconds, bytes, drops, reason }) => [
    channel,
    state,
    file ?? reason ?? "",
    `${seconds.toFixed(0)} s`,
    formatBytes(bytes),
    dropsOf(drops),
  ]);
  const head = ["CHANNEL", "STATE", "FILE", "LENGTH", "SIZE", "DROPS"];
  return section(terminal, "recordings", head, rows);
}

/** Resources that can run out, and their use. */
function limitsOf({ descriptors, memory, heap }: SiteStats): string {
  const usage = ({ used, limit }: Usage, format: (value: number) => string): string =>
    limit === null ? format(used) : `${format(used)} of ${format(limit)}`;
  return [
    ...(descriptors === null ? [] : [`${usage(descriptors, String)} descriptors`]),
    `${usage(memory, formatBytes)} memory`,
    `${usage(heap, formatBytes)} heap`,
  ].join(", ");
}

function section(terminal: Terminal, title: string, head: string[], rows: string[][]): string[] {
  return rows.length === 0
    ? []
    : ["", terminal.paint("cyan", title), table(terminal.paint, head, rows)];
}

function dropsOf(drops: Readonly<Record<string, number>>): string {
  return Object.entries(drops)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(", ");
}
