import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { FRAME_COUNTER, readFrameCounter } from "../../src/media/index.ts";
import { FFMPEG, FFPROBE } from "./programs.ts";

/** What ffprobe says of a track of a file. */
export interface RecordedTrack {
  readonly kind: "video" | "audio";
  readonly codec: string;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Presentation of each packet, s, ascending. */
  readonly times: readonly number[];
  readonly keys: number;
}

/** What ffprobe says of a file. */
export interface RecordedFile {
  readonly tracks: readonly RecordedTrack[];
  /** Of the whole, as its head says, s; NaN where it does not. */
  readonly seconds: number;
  /** Warnings of ffprobe. */
  readonly complaints: string;
}

/** Reads a file with ffprobe. */
export function probe(path: string): RecordedFile {
  const asked = ["-show_entries", "stream=index,codec_type,codec_name,width,height"];
  const { stdout, stderr } = run(FFPROBE as string, [
    ...["-v", "warning", "-of", "json", ...asked],
    ...["-show_entries", "packet=stream_index,pts_time,flags:format=duration", path],
  ]);
  const { streams = [], packets = [], format } = JSON.parse(stdout.toString()) as Probed;
  const tracks = streams.map(({ index, codec_type, codec_name, width, height }) => {
    const own = packets.filter(({ stream_index }) => stream_index === index);
    const times = own.map(({ pts_time }) => Number(pts_time)).sort((a, b) => a - b);
    const keys = own.filter(({ flags }) => flags.startsWith("K")).length;
    return { kind: codec_type, codec: codec_name, width, height, times, keys };
  });
  return { tracks, seconds: Number(format?.duration), complaints: stderr };
}

/** The frame counters of a recording of the demo's clip with their times, in order of presentation. */
export function countersOf(path: string): { readonly number: number; readonly seconds: number }[] {
  const { pictureWidth: width, blockPixels: rows } = FRAME_COUNTER;
  const { stdout } = run(FFMPEG as string, [
    ...["-v", "error", "-i", path, "-map", "0:v", "-vf", `crop=${width}:${rows}:0:0`],
    ...["-fps_mode", "passthrough", "-pix_fmt", "rgba", "-f", "rawvideo", "-"],
  ]);
  const bytes = width * rows * 4;
  const times = probe(path).tracks.find(({ kind }) => kind === "video")?.times ?? [];
  return Array.from({ length: Math.floor(stdout.byteLength / bytes) }, (_each, index) => {
    const pixels = stdout.subarray(index * bytes, (index + 1) * bytes);
    return { number: readFrameCounter(pixels, width) ?? -1, seconds: times[index] ?? Number.NaN };
  });
}

/** When the beeps of the demo's clip begin, s. The clip beeps with each 30th picture. */
export function beepsOf(path: string): number[] {
  const { stderr } = run(FFMPEG as string, [
    ...["-v", "info", "-nostats", "-i", path, "-map", "0:a"],
    ...["-af", "silencedetect=noise=0.2:duration=0.3", "-f", "null", "-"],
  ]);
  return [...stderr.matchAll(/silence_end: ([\d.]+)/g)].map(([, at]) => Number(at));
}

/** Frames of the clip that are missing between the first and the last. */
export function missingIn(numbers: readonly number[]): number {
  return numbers.slice(1).reduce((missing, number, index) => {
    const step = number - (numbers[index] as number);
    return missing + ((step + FRAME_COUNTER.frames - 1) % FRAME_COUNTER.frames);
  }, 0);
}

interface Probed {
  readonly streams?: readonly {
    readonly index: number;
    readonly codec_type: "video" | "audio";
    readonly codec_name: string;
    readonly width?: number;
    readonly height?: number;
  }[];
  readonly packets?: readonly {
    readonly stream_index: number;
    readonly pts_time: string;
    readonly flags: string;
  }[];
  readonly format?: { readonly duration?: string };
}

function run(
  program: string,
  args: readonly string[],
): { readonly stdout: Buffer; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { maxBuffer: 512 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return { stdout, stderr: stderr.toString() };
}

/** Of the clip: from one picture to the next, and a sound's length with the rounding of a file's times, s. */
const PICTURE_S = 1 / 30;
const SOUND_S = 0.022;

/**
 * Fails unless a recording of so many seconds of the clip has every frame, at its time.
 *
 * @param isFirst it begins where the recorder joined: sound that was ahead of the picture had passed by then
 */
export function assertWhole(
  path: string,
  seconds: number,
  { isFirst }: { readonly isFirst: boolean },
): void {
  const { tracks, complaints } = probe(path);
  const [video, audio] = tracks;
  assert.equal(complaints, "");
  assert.equal(video?.codec, "h264");
  assert.equal(audio?.codec, "opus");
  const pictures = video?.times ?? [];
  const sounds = audio?.times ?? [];
  // A recorder may have joined between a sound and the picture with which its file could begin.
  const ahead = isFirst ? (pictures[0] as number) : 0;
  const fitting = Math.ceil((seconds - ahead) * 30 - 0.01);
  const counts = isFirst ? [seconds * 30, fitting] : [seconds * 30];
  const story =
    `${path}: ${pictures.length} pictures from ${pictures[0]} to ${pictures.at(-1)}, ` +
    `${sounds.length} sounds from ${sounds[0]} to ${sounds.at(-1)}`;
  assert.ok(counts.includes(pictures.length), story);
  assert.ok(ahead < 0.1, story);
  const end = isFirst ? (pictures.at(-1) as number) + PICTURE_S : seconds;
  assert.ok((sounds[0] as number) < (isFirst ? 0.3 : SOUND_S), story);
  assert.ok(Math.abs((sounds.at(-1) as number) - end) < SOUND_S + (isFirst ? PICTURE_S : 0), story);
  assert.ok(longestStep(video?.times ?? []) < 0.035, `${longestStep(video?.times ?? [])}`);
  assert.ok(longestStep(sounds) < 0.022);
  const counters = countersOf(path);
  assert.equal(counters.length, pictures.length);
  assert.equal(missingIn(counters.map(({ number }) => number)), 0);
}

function longestStep(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((each, index) => each - (times[index] as number)));
}
