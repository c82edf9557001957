import type { Command } from "commander";
import { every, MeanderError, SystemClock } from "../base/index.ts";
import type { RecordEvent, RecordStatus } from "../client/contract/index.ts";
import { formatBytes } from "../view/index.ts";
import { durationOf, type SiteArguments, withSite } from "./arguments.ts";
import { credentialsOf } from "./credentials.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface Arguments extends SiteArguments {
  readonly to: string;
  readonly segment?: string;
  readonly duration?: string;
  readonly format?: string;
  readonly untilEnd?: boolean;
}

const SHOWN_MS = 250;
/** What a channel carries is known within this, ms. */
const SILENT_MS = 1_500;

/** `meander record` */
export function addRecord(program: Command): void {
  withSite(
    program
      .command("record")
      .description("record a channel to Matroska, WebM or MP4, without transcoding, until Ctrl-C")
      .argument("<channel>", "name of the channel")
      .requiredOption(
        "--to <file>",
        "file that ends in .mkv (every codec), .webm (VP8, VP9, AV1, Opus), .mp4 or .mov; may hold {channel}, {time} and {number}",
      )
      .option("--segment <time>", "begin a new file at the first key frame after it, such as 60s")
      .option("--duration <time>", "length of the recording, such as 30s")
      .option("--until-end", "end when the publisher ends, instead of waiting for the next")
      .option("--format <kind>", "webm, mkv, mp4 or mov, for a file without such an ending"),
  ).action(async (channel: string, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const { recordChannel } = await import("../site/index.ts");
    const { segment, duration, untilEnd } = options;
    let isTold = false;
    const recorder = await recordChannel(
      options.site,
      channel,
      {
        to: options.format === undefined ? options.to : `${options.to}.${options.format}`,
        segmentSeconds: segment === undefined ? undefined : durationOf(segment, "--segment") / 1000,
        durationSeconds:
          duration === undefined ? undefined : durationOf(duration, "--duration") / 1000,
        untilEnd,
        ...credentialsOf(options.site, options),
      },
      (event) => {
        isTold = true;
        tell(terminal, event);
      },
    );
    const finish = (): void => void recorder.finish();
    // A second signal ends it without waiting for the disk.
    process.once("SIGINT", finish).once("SIGTERM", finish);
    const hide = every(new SystemClock(), "progress", SHOWN_MS, () =>
      terminal.progress(lineOf(recorder.status)),
    );
    // What happens is told; of a channel of which nothing comes, nothing would be.
    const cancel = new SystemClock().after("absence", SILENT_MS, () => {
      const { reason, state } = recorder.status;
      if (!isTold && state === "waiting") terminal.note(reason ?? "waiting");
    });
    const error = await recorder.ended;
    hide();
    cancel();
    if (error !== undefined) throw error;
    const { status } = recorder;
    // Without JSON the error says it all.
    if (terminal.json || status.files > 0)
      terminal.show({ type: "ended", ...status }, () => summaryOf(status));
    if (status.files === 0) throw nothingRecorded(status);
    process.exit(0);
  });
}

function tell(terminal: Terminal, event: RecordEvent): void {
  if (terminal.json) {
    terminal.show(event, () => "");
    return;
  }
  terminal.note(sentenceOf(event));
}

function sentenceOf(event: RecordEvent): string {
  switch (event.type) {
    case "started":
      return `${event.file}: ${event.tracks.join(", ")}`;
    case "finished":
      return `${event.file}: ${lengthOf(event.seconds)}, ${formatBytes(event.bytes)}, ${event.frames} frames; ${event.reason}`;
    case "failed":
      return `${event.file ?? "no file"}: ${event.message} (${event.cause})`;
    case "waiting":
      return `${event.reason}; waiting`;
    case "refused":
      return event.message;
    case "removed":
      return `${event.file}: removed`;
    case "disconnected":
      return `lost the site: ${event.reason}`;
  }
}

function lineOf({ state, seconds, bytes, drops, reason }: RecordStatus): string {
  if (state === "waiting") return reason ?? "waiting";
  return `● ${lengthOf(seconds)}  ${formatBytes(bytes)}  ${dropsOf(drops)}`;
}

function summaryOf({ files, seconds, bytes, drops }: RecordStatus): string {
  const what = files === 1 ? "1 file" : `${files} files`;
  return `${what}, ${lengthOf(seconds)}, ${formatBytes(bytes)}, ${dropsOf(drops)}`;
}

function dropsOf(drops: Readonly<Record<string, number>>): string {
  const all = Object.entries(drops).map(([reason, count]) => `${count} ${reason}`);
  return all.length === 0 ? "nothing dropped" : `dropped: ${all.join(", ")}`;
}

function nothingRecorded({ channel, drops, reason }: RecordStatus): MeanderError {
  const dropped = Object.keys(drops).length === 0 ? "" : `; ${dropsOf(drops)}`;
  return new MeanderError("nothing-received", `no file was written${dropped}`, {
    where: `channel ${channel}`,
    expected: "a publisher, and a key frame of its video",
    next: `see \`meander why ${channel}\`${reason === null ? "" : `; at the end: ${reason}`}`,
  });
}

/** `1:02:03.4` */
function lengthOf(seconds: number): string {
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = (seconds % 60).toFixed(1).padStart(4, "0");
  return hours === 0
    ? `${minutes}:${rest}`
    : `${hours}:${minutes.toString().padStart(2, "0")}:${rest}`;
}
