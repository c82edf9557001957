import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { MeanderError, messageOf } from "../../base/index.ts";

/** How an ffmpeg ended. */
export interface FfmpegEnd {
  /** Whether it ended by itself without an error, or was stopped. */
  readonly isOrderly: boolean;
  /** Its last lines, or its exit code. */
  readonly words: string;
}

/** A running ffmpeg that does not outlive this process. */
export interface FfmpegProcess {
  /** Never rejects. */
  readonly ended: Promise<FfmpegEnd>;
  /** Asks it to end; idempotent. */
  stop(): void;
}

/** Lines of ffmpeg's own that are kept. */
const LINES_MAX = 5;

/**
 * Runs ffmpeg for as long as the pipe at its standard input is open. A process that is killed closes its pipes, so its
 * ffmpeg
 * ends as well; ffmpeg by itself takes no notice of a closed input. Interrupts from the terminal are left to this
 * process.
 */
const KEEPER = `
trap '' INT
exec 3<&0
ffmpeg "$@" 3<&- &
child=$!
{ cat <&3 >/dev/null; kill $child; } 2>/dev/null &
keeper=$!
exec 3<&- </dev/null
wait $child
code=$?
kill $keeper 2>/dev/null
exit $code
`;

/** Starts the ffmpeg of this machine. @throws {MeanderError} `ffmpeg-missing` */
export async function startFfmpeg(args: readonly string[]): Promise<FfmpegProcess> {
  checkInstalled();
  const isPosix = process.platform !== "win32";
  const [command, all] = isPosix
    ? ["/bin/sh", ["-c", KEEPER, "ffmpeg", ...args]]
    : ["ffmpeg", [...args]];
  const child = spawn(command, all, { stdio: ["pipe", "ignore", "pipe"], windowsHide: true });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(missing(messageOf(cause), cause)));
  });
  // A pipe that breaks is the end of the child, which is told below.
  child.stdin?.on("error", () => {});
  let isStopped = false;
  return {
    ended: endOf(child, () => isStopped),
    stop: () => {
      isStopped = true;
      if (isPosix) child.stdin?.end();
      else child.kill();
    },
  };
}

function endOf(child: ChildProcess, isStopped: () => boolean): Promise<FfmpegEnd> {
  const lines: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lines.push(...text.split("\n").filter((line) => line.trim() !== ""));
    lines.splice(0, lines.length - LINES_MAX);
  });
  return new Promise((resolve) => {
    child.once("close", (code, signal) => {
      const words = lines.join(" | ") || `ffmpeg ended with ${signal ?? `code ${code}`}`;
      resolve({ isOrderly: code === 0 || isStopped(), words });
    });
  });
}

/** The shell that starts ffmpeg would find out too late. */
function checkInstalled(): void {
  const isThere = (process.env["PATH"] ?? "").split(delimiter).some((folder) =>
    ["ffmpeg", "ffmpeg.exe"].some((name) => {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
  );
  if (!isThere) throw missing("there is none in PATH");
}

function missing(why: string, cause?: unknown): MeanderError {
  return new MeanderError("ffmpeg-missing", `ffmpeg cannot be started: ${why}`, {
    expected: "ffmpeg in PATH",
    next: "install ffmpeg, or publish a clip with --file",
    ...(cause === undefined ? {} : { cause }),
  });
}
