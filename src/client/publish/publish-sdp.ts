import { readFile } from "node:fs/promises";
import { MeanderError } from "../../base/index.ts";
import { holdInput, type Publication, type PublishOptions, publishingOf } from "./publication.ts";

/**
 * Opens an input for a publisher of its own that an SDP file describes, on the ports that the file names, and holds it.
 *
 * @throws {MeanderError} `sdp-…`, and what the site refuses with
 */
export async function publishSdpFile(file: string, options: PublishOptions): Promise<Publication> {
  const sdp = await readSdp(file);
  const publishing = publishingOf(options);
  const answer = await publishing.client.publishSdp(options.channel, sdp, {
    ...options,
    ports: "sdp",
  });
  let stop = (): void => {};
  const ended = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  return holdInput(publishing, answer, { ended, stop: () => stop() });
}

async function readSdp(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MeanderError("sdp-invalid", "the file cannot be read", {
      where: file,
      expected: "an SDP file",
      cause,
    });
  }
}
