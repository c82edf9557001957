import { MeanderError } from "../../base/index.ts";
import { type FfmpegSource, ffmpegPublishArguments, ffmpegTracks } from "../../media/index.ts";
import { formatSdp } from "../../wire/index.ts";
import { startFfmpeg } from "./ffmpeg-process.ts";
import { holdInput, type Publication, type PublishOptions, publishingOf } from "./publication.ts";

/**
 * Publishes what an `ffmpeg` of this machine reads, encodes or copies. The ffmpeg ends with this process, however that
 * ends.
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
    const { ended, stop } = await startFfmpeg(args);
    const error = ended.then(({ isOrderly, words }) =>
      isOrderly ? undefined : failed(words, source.input),
    );
    return holdInput(publishing, answer, { ended: error, stop });
  } catch (error) {
    await client.unpublish(channel, options.input).catch(() => {});
    throw error;
  }
}

function failed(words: string, input: string): MeanderError {
  return new MeanderError("ffmpeg-failed", words, {
    where: `ffmpeg, input ${input}`,
    expected: "an input with the audio and video that are to be published",
    next: "add --audio none or --video none for an input without it",
  });
}
