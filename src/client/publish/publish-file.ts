import { existsSync } from "node:fs";
import { join } from "node:path";
import { ClipReader, clipSdp, publishClip } from "../../media/index.ts";
import { packageRoot } from "../package-root.ts";
import { holdInput, type Publication, type PublishOptions, publishingOf } from "./publication.ts";

/** The clip that comes with the package, as examples name it. */
const PACKAGED_CLIP = "media/clip.mp4";

/**
 * Publishes a media file in real time.
 *
 * @param file MP4, MOV, WebM or Matroska, with codecs that `ClipReader` reads. `media/clip.mp4` is the clip of the
 *   package where the
 *   working directory has no such file
 * @param options.loop from the beginning again, endlessly, with continuous sequence numbers and timestamps
 * @returns its answer's `warnings` say that the file is cut off, where what it has can be published; `ended` gives
 *   `clip-broken` where a file turns out to be broken on the way
 * @throws {MeanderError} `clip-…`, and what the site refuses with
 */
export async function publishFile(
  file: string,
  options: PublishOptions & { readonly loop: boolean },
): Promise<Publication> {
  const publishing = publishingOf(options);
  const { client, channel, loop, clock, random, log } = publishing;
  const clip = await ClipReader.open(locate(file));
  try {
    const sdp = clipSdp(clip.tracks, { title: channel, host: "127.0.0.1" });
    const answer = await client.publishSdp(channel, sdp, { ...options, ports: "assign" });
    const sending = await publishClip({
      clip,
      host: answer.host,
      ports: answer.tracks,
      loop,
      clock,
      random,
      log,
    });
    const ended = sending.ended.then((failure) => {
      clip.close();
      if (clip.damagedFrames > 0)
        log.warn("Damaged frames of a clip were left out.", { file, frames: clip.damagedFrames });
      return failure;
    });
    const warnings = [...(answer.warnings ?? []), ...clip.warnings];
    return holdInput(publishing, warnings.length === 0 ? answer : { ...answer, warnings }, {
      ended,
      stop: () => sending.publisher.close(),
    });
  } catch (error) {
    clip.close();
    throw error;
  }
}

function locate(file: string): string {
  return file === PACKAGED_CLIP && !existsSync(file) ? join(packageRoot(), file) : file;
}
