import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program is, by its usual names; undefined when it is not on this machine. */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

export const FFMPEG = findProgram("ffmpeg", "ffmpeg.exe");
export const FFPROBE = findProgram("ffprobe", "ffprobe.exe");
export const CHROMIUM = findProgram("chromium", "chromium-browser", "google-chrome");
export const GSTREAMER = findProgram("gst-launch-1.0");

/** For a test's `skip`: false when all are here, else which is not. */
export function needs(programs: Readonly<Record<string, string | undefined>>): string | false {
  const missing = Object.entries(programs).filter(([, path]) => path === undefined);
  return missing.length === 0
    ? false
    : `not installed: ${missing.map(([name]) => name).join(", ")}`;
}

/** Whether GStreamer has all these elements. */
export function hasElements(...elements: readonly string[]): boolean {
  return elements.every(
    (element) => spawnSync("gst-inspect-1.0", ["--exists", element]).status === 0,
  );
}
