import type { Track } from "../../wire/index.ts";
import { CONTAINERS, type Container } from "./container.ts";
import { formatterFor, RECORDABLE } from "./track-format.ts";

/** Codecs that each container supports. WebM is for the codecs of the web. */
const HOLDS: Readonly<Record<Container, readonly string[]>> = {
  webm: ["vp8", "vp9", "av1", "opus"],
  mkv: RECORDABLE,
  mp4: ["h264", "h265", "vp9", "av1", "opus", "mpeg4-generic", "mp4a-latm"],
  // The only one that stores G.711 unchanged.
  mov: ["h264", "h265", "mpeg4-generic", "mp4a-latm", "pcmu", "pcma"],
};

/** Why a track cannot be recorded to that container, and which container can; undefined when it can. */
export function recordingRefusal(track: Track, container: Container): string | undefined {
  const { kind, codec } = track;
  const fitting = CONTAINERS.filter((each) => HOLDS[each].includes(codec));
  if (fitting.length === 0)
    return `${kind} in ${codec} cannot be recorded; ${RECORDABLE.join(", ")} can`;
  if (!fitting.includes(container))
    return `.${container} does not hold ${kind} in ${codec}; ${fitting.map((each) => `.${each}`).join(" or ")} does`;
  if (formatterFor(track, container) === undefined)
    return `the description of its ${kind} in ${codec} does not say how to decode it; through ffmpeg it can be recorded (publish --ffmpeg)`;
  return undefined;
}
