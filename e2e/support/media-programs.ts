import { type Running, start } from "./processes.ts";
import { FFMPEG, GSTREAMER } from "./programs.ts";

/** Runs ffmpeg quietly: what it prints is an error. */
export function ffmpeg(...args: readonly string[]): Running {
  const quiet = ["-hide_banner", "-nostdin", "-v", "error"];
  return start(FFMPEG as string, [...quiet, ...args]);
}

/** Runs a GStreamer pipeline. On SIGINT it ends its stream in order. */
export function gstreamer(pipeline: string): Running {
  // Words of a pipeline are arguments of their own; quoted caps stay together.
  const words = pipeline.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  const args = words.map((word) => word.replaceAll('"', ""));
  return start(GSTREAMER as string, ["-e", ...args]);
}
