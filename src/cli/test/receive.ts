import type { Command } from "commander";
import { every, MeanderError, SystemClock } from "../../base/index.ts";
import type { TestReceiverStats, TimeSpread } from "../../client/test-stream/index.ts";
import { formatBitRate, formatCount, formatMs, formatPath, UNKNOWN } from "../../view/index.ts";
import { type SiteArguments, secondsOf, withSite } from "../arguments.ts";
import { credentialsOf } from "../credentials.ts";
import { openTerminal } from "../terminal.ts";
import { ArrivalLog } from "./arrival-log.ts";

interface Arguments extends Omit<SiteArguments, "site"> {
  /** One as a text where none was given. */
  readonly site: string | readonly string[];
  readonly log?: string;
  readonly seconds?: string;
  readonly follow: boolean;
}

const SHOWN_MS = 250;
const SECONDS_MAX = 31_536_000;

/** `meander test receive` */
export function addReceive(test: Command): void {
  const command = withSite(
    test
      .command("receive")
      .description(
        "receive what `meander test send` sends, and count what became of it, until Ctrl-C",
      )
      .argument("<channel>", "name of the channel")
      .option("--log <file>", "write a line for each packet, as CSV")
      .option("--seconds <count>", "end after so long (Ctrl-C)")
      .option("--no-follow", "use only the sites named with --site, none that these name"),
  );
  const site = command.options.find(({ long }) => long === "--site");
  site?.argParser<readonly string[] | string>((value, before) =>
    Array.isArray(before) ? [...before, value] : [value],
  );
  if (site !== undefined) site.description += "; several: alternatives, the first to begin with";
  command.action(async (channel: string, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const durationMs = secondsOf(options.seconds, "--seconds", 0.001, SECONDS_MAX);
    const log = options.log === undefined ? undefined : await ArrivalLog.open(options.log);
    const { AbsenceNotes } = await import("../absence-notes.ts");
    const { receiveTestStream } = await import("../../client/test-stream/index.ts");
    const [first = "", ...alternatives] = [options.site].flat();
    const clock = new SystemClock();
    const absence = new AbsenceNotes(terminal, clock);
    const receiver = await receiveTestStream(
      first,
      channel,
      {
        onArrival: (arrival) => log?.add(arrival),
        onDescription: ({ tracks }) => absence.described(tracks.length),
        onPath: (path) => {
          if (terminal.json) terminal.show({ at: clock.wall(), type: "path", path }, () => "");
        },
        onState: (state) => {
          if (terminal.json) terminal.show({ at: clock.wall(), ...state }, () => "");
          else if (state.type === "live") terminal.note(`connected to ${state.site}`);
          else if (state.type === "lost") terminal.note(`lost ${state.site}: ${state.reason}`);
          absence.state(state);
        },
      },
      { ...credentialsOf(first, options), alternatives, follow: options.follow },
    );
    const hide = every(clock, "progress", SHOWN_MS, () =>
      terminal.progress(lineOf(receiver.stats)),
    );
    const over = new Promise<undefined>((resolve) => {
      const finish = (): void => resolve(undefined);
      process.once("SIGINT", finish).once("SIGTERM", finish);
      if (durationMs !== undefined) clock.after("end of the test", durationMs, finish);
    });
    const error = await Promise.race([over, receiver.refused, log?.failed ?? over]);
    hide();
    const { stats } = receiver;
    receiver.close();
    absence.close();
    await log?.close();
    if (error !== undefined) throw error;
    // Without JSON the error says it all.
    if (terminal.json || stats.received > 0)
      terminal.show({ type: "ended", channel, ...stats }, () => summaryOf(stats));
    if (stats.received === 0) throw nothingReceived(channel, stats.foreign);
    process.exit(0);
  });
}

function lineOf(stats: TestReceiverStats): string {
  const { bitsPerSecond, interArrival, packetsPerSecond, path, site } = stats;
  const rate = `${formatBitRate(bitsPerSecond)}, ${formatCount(packetsPerSecond)} packets/s`;
  const between = `between arrivals ${spreadOf(interArrival)}`;
  return [rate, lossOf(stats), between, `at ${site ?? UNKNOWN}`, formatPath(path)].join("  ");
}

function summaryOf(stats: TestReceiverStats): string {
  const { foreign, interArrival, latency, path, received, repeatsDropped, resumes, runs } = stats;
  return [
    `${received} packets received, ${lossOf(stats)}${others(foreign)}`,
    `between arrivals ${spreadOf(interArrival)}`,
    `latency ${spreadOf(latency)} by the clocks of both ends`,
    `${runs} ${runs === 1 ? "sender" : "senders"}; ${resumes} changes of connection, ` +
      `${repeatsDropped} repeats dropped; ${formatPath(path)}`,
  ].join("\n");
}

function nothingReceived(channel: string, foreign: number): MeanderError {
  const what = `nothing of a test stream arrived${others(foreign)}`;
  return new MeanderError("nothing-received", what, {
    where: `channel ${channel}`,
    expected: "packets that `meander test send` publishes on it",
    next: `run \`meander test send ${channel}\`; \`meander channels\` shows who publishes what`,
  });
}

function lossOf({ lost, reordered, repeated }: TestReceiverStats): string {
  return `${lost} lost, ${repeated} repeated, ${reordered} out of order`;
}

function others(foreign: number): string {
  return foreign === 0 ? "" : `, ${foreign} packets of others`;
}

function spreadOf({ maxMs, p50Ms, p99Ms }: TimeSpread): string {
  return `p50 ${formatMs(p50Ms)}, p99 ${formatMs(p99Ms)}, max ${formatMs(maxMs)}`;
}
