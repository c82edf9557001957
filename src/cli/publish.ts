import { type Command, Option } from "commander";
import { LIMITS, MeanderError, SystemClock } from "../base/index.ts";
import { SiteClient } from "../client/index.ts";
import type { Publication } from "../client/publish/index.ts";
import type { FfmpegSource } from "../media/index.ts";
import { formatAddress } from "../transport/index.ts";
import { type SiteArguments, wholeNumber, withSite } from "./arguments.ts";
import { credentialsOf } from "./credentials.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface Arguments extends SiteArguments {
  readonly sdp?: string;
  readonly ffmpeg?: string;
  readonly file?: string;
  readonly text?: boolean;
  readonly loop?: boolean;
  readonly contentType: string;
  readonly video: FfmpegSource["video"];
  readonly audio: FfmpegSource["audio"];
  readonly bFrames?: string;
  readonly bitrate?: string;
  readonly input: string;
  readonly source?: string;
  readonly replace?: boolean;
  readonly interface?: string;
  readonly trusted?: string;
  readonly quiet?: boolean;
}

const PROGRESS_MS = 1_000;
const VIDEO: readonly Arguments["video"][] = ["h264", "h265", "vp8", "vp9", "copy", "none"];
const AUDIO: readonly Arguments["audio"][] = ["opus", "aac", "pcmu", "pcma", "none"];

/** `meander publish` */
export function addPublish(program: Command): void {
  withSite(
    program
      .command("publish")
      .description("publish on a channel until its source ends, or Ctrl-C")
      .argument("<channel>", "name of the channel")
      .option("--file <clip>", "a media file: MP4, MOV, WebM or Matroska")
      .option(
        "--ffmpeg <input>",
        "what ffmpeg reads: a file, a URL, a device, or a test source such as testsrc2",
      )
      .option("--sdp <file>", "open the ports of an SDP file for a publisher of your own")
      .option("--text", "lines of standard input, each a message")
      .option("--loop", "start again at the end, endlessly")
      .option("--content-type <type>", "of the messages", "text/plain")
      .addOption(new Option("--video <codec>", "for --ffmpeg").choices(VIDEO).default("h264"))
      .addOption(new Option("--audio <codec>", "for --ffmpeg").choices(AUDIO).default("opus"))
      .option(
        "--b-frames <count>",
        "for --ffmpeg with h264 or h265: frames that refer to later ones",
      )
      .option("--bitrate <bits>", "for --ffmpeg: of the video, bits per second")
      .option("--input <name>", "name of the input among the channel's", "main")
      .option("--source <name>", "equal for inputs that carry the same capture (the input's name)")
      .option("--replace", "close an input of that name first")
      .option(
        "--interface <name>",
        "for --sdp with a multicast group: name or address of the interface (the one that the site listens on)",
      )
      .option(
        "--trusted <addresses>",
        "for --sdp: addresses whose packets are accepted, separated by commas (this machine; for a group the first sender)",
      )
      .option("--quiet", "print nothing while it goes well"),
  ).action(async (channel: string, options: Arguments) => {
    const terminal = openTerminal(options.json === true);
    const clock = new SystemClock();
    const publication = await publish(channel, options, terminal);
    const finish = (): void => void publication.close();
    process.once("SIGINT", finish).once("SIGTERM", finish);
    // Started by another process of ours: end with it.
    if (process.send !== undefined) process.once("disconnect", finish).channel?.unref();
    if (options.quiet !== true) tell(terminal, publication, options.site);
    const startedAt = clock.now();
    let cancel = (): void => {};
    const progress = (): void => {
      terminal.progress(
        `publishing ${channel} for ${Math.round((clock.now() - startedAt) / 1000)} s`,
      );
      cancel = clock.after("progress", PROGRESS_MS, progress);
    };
    if (options.text !== true && options.quiet !== true) progress();
    const error = await publication.ended;
    cancel();
    process.stdin.destroy();
    if (error !== undefined) throw error;
    if (options.quiet !== true) terminal.note(`${channel} has ended`);
  });
}

async function publish(
  channel: string,
  options: Arguments,
  terminal: Terminal,
): Promise<Publication> {
  const { sdp, ffmpeg, file, text, loop = false, input, source, replace, site } = options;
  const ways = [sdp, ffmpeg, file, text].filter((way) => way !== undefined).length;
  if (ways !== 1) {
    throw new MeanderError(
      "arguments-invalid",
      `${ways === 0 ? "nothing" : "more than one thing"} to publish`,
      {
        where: "meander publish",
        expected: "one of --file CLIP, --ffmpeg INPUT, --sdp FILE, --text",
      },
    );
  }
  const { publishFfmpeg, publishFile, publishLines, publishSdpFile, splitLines } = await import(
    "../client/publish/index.ts"
  );
  const credentials = credentialsOf(site, options);
  const common = { site, channel, input, source, replace, ...credentials };
  if (file !== undefined) return publishFile(file, { ...common, loop });
  if (sdp !== undefined) {
    const trusted = options.trusted?.split(",");
    return publishSdpFile(sdp, { ...common, trusted, interface: options.interface });
  }
  if (ffmpeg !== undefined) {
    const { video, audio } = options;
    const bFrames = wholeNumber(options.bFrames, "--b-frames", 0, 16);
    const videoBitsPerSecond = wholeNumber(options.bitrate, "--bitrate", 10_000, 200_000_000);
    return publishFfmpeg(
      { input: ffmpeg, video, audio, bFrames, videoBitsPerSecond, loop },
      common,
    );
  }
  const lines = splitLines(process.stdin, LIMITS.messageBytesMax);
  return publishLines(lines, options.contentType, {
    ...common,
    onSent: (count) => {
      if (options.quiet !== true) terminal.progress(`${count} messages published on ${channel}`);
    },
    onRefused: ({ line, byteLength, error: { code } }) => {
      if (terminal.json) terminal.show({ channel, refused: { line, byteLength, code } }, () => "");
      const most = `more than ${LIMITS.messageBytesMax}`;
      terminal.note(`line ${line} was not published: it has ${byteLength} bytes, ${most}`);
    },
  });
}

function tell(terminal: Terminal, { answer }: Publication, site: string): void {
  for (const warning of answer.warnings ?? []) terminal.note(`warning: ${warning}`);
  if (terminal.json) {
    terminal.show(answer, () => "");
    return;
  }
  for (const { kind, codec, group, rtpPort, rtcpPort } of answer.tracks) {
    const host = group ?? answer.host;
    terminal.note(`${kind} ${codec}: RTP to ${formatAddress(host, rtpPort)}, RTCP to ${rtcpPort}`);
  }
  terminal.note(
    `watch at ${new SiteClient(site).url}/player.html?channel=${encodeURIComponent(answer.channel)}`,
  );
}
