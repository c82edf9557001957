/**
 * Ways to publish at a site from outside: files, ffmpeg, RTP senders of one's own, lines of text.
 *
 * @module
 */
export { holdInput, type Publication, type PublishOptions, publishingOf } from "./publication.ts";
export { publishFfmpeg } from "./publish-ffmpeg.ts";
export { publishFile } from "./publish-file.ts";
export { publishLines, type RefusedLine } from "./publish-lines.ts";
export { publishSdpFile } from "./publish-sdp.ts";
export { type OverlongLine, splitLines } from "./split-lines.ts";
