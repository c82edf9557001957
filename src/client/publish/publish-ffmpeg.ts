import { type ChildProcess, spawn } from "node:child_process";
import { MeanderError, messageOf } from "../../base/index.ts";
import { type FfmpegSource, ffmpegPublishArguments, ffmpegTracks } from "../../media/index.ts";
import { formatSdp } from "../../wire/index.ts";
import { holdInput, type Publication, type PublishOptions, publishingOf } from "./publication.ts";

/** Lines of ffmpeg's own that are kept for the error. */
const LINES_MAX = 5;

/**
 * Publishes what an `ffmpeg` of this machine reads, encodes or copies.
 *
 * @throws {MeanderError} `ffmpeg-missing`, `ffmpeg-options`, and what the site refuses with
 */
export async function publishFfmpeg(
  source: FfmpegSource,
  options: PublishOptions,
): Promise<Publication> {
  const publishing = publishingOf(options);
  const { client, channel, clock } = publishing;
  const sdp = formatSdp({ title: channel, host: "127.0.0.1", tracks: ffmpegTracks(source) });
  const answer = await client.publishSdp(channel, sdp, { ...options, ports: "assign" });
  try {
    const args = ffmpegPublishArguments(source, {
      host: answer.host,
      rtpPorts: answer.tracks.map(({ rtpPort }) => rtpPort),
      startedWallMs: clock.wall(),
    });
    const child = await start(args);
    return holdInput(publishing, answer, {
      ended: endOf(child, source.input),
      stop: () => void child.kill("SIGTERM"),
    });
  } catch (error) {
    await client.unpublish(channel, options.input).catch(() => {});
    throw error;
  }
}

function start(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "ignore", "pipe"], windowsHide: true });
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve(child));
    child.once("error", (cause) =>
      reject(
        new MeanderError("ffmpeg-missing", `ffmpeg cannot be started: ${messageOf(cause)}`, {
          expected: "ffmpeg in PATH",
          next: "install ffmpeg, or publish a clip with --file",
          cause,
        }),
      ),
    );
  });
}

function endOf(child: ChildProcess, input: string): Promise<MeanderError | undefined> {
  const lines: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lines.push(...text.split("\n").filter((line) => line.trim() !== ""));
    lines.splice(0, lines.length - LINES_MAX);
  });
  return new Promise((resolve) => {
    child.once("close", (code, signal) => {
      // 255: ffmpeg's own end after a signal.
      if (code === 0 || signal === "SIGTERM" || (code === 255 && child.killed))
        return resolve(undefined);
      resolve(
        new MeanderError(
          "ffmpeg-failed",
          lines.join(" | ") || `ffmpeg ended with ${signal ?? `code ${code}`}`,
          {
            where: `ffmpeg, input ${input}`,
            expected: "an input with what is to be published",
            next: "add --audio none or --video none for an input without it",
          },
        ),
      );
    });
  });
}
