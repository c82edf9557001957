import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { demoClipPath } from "../src/media/index.ts";
import { SiteClient } from "../src/site/index.ts";
import { type Browser, openBrowser } from "./support/browser.ts";
import { channelAt, Network, type SiteProcess } from "./support/network.ts";
import { observe, openPlayer } from "./support/player.ts";
import { endOf, json, MEANDER, meander, type Running, start } from "./support/processes.ts";
import { CHROMIUM, FFMPEG, FFPROBE, needs } from "./support/programs.ts";
import { beepsOf, countersOf, missingIn, probe } from "./support/recorded.ts";
import { until as untilWithin } from "./support/wait.ts";

const SKEW_MS_MAX = 40;
/** Encoders, sites and recorders share a machine that may be small. */
const WITHIN_MS = 60_000;
const skip = needs({ ffmpeg: FFMPEG, ffprobe: FFPROBE });

let network: Network;
const running: Running[] = [];

before(async () => {
  if (skip !== false) return;
  network = await Network.open("origin", "middle", "edge");
  publish("clip", "--file", demoClipPath(), "--loop");
  await until("the clip", async () => described("clip", 2));
});

after(async () => {
  await Promise.all(running.map((each) => each.stop()));
  await network?.[Symbol.asyncDispose]();
});

const origin = (): SiteProcess => network.site("origin");
const edge = (): SiteProcess => network.site("edge");
const fileOf = (name: string): string => join(network.folder, name);

function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  return untilWithin(what, ask, WITHIN_MS);
}

function publish(channel: string, ...args: readonly string[]): Running {
  const publisher = meander("publish", channel, ...args, "--quiet", "--site", origin().url);
  running.push(publisher);
  return publisher;
}

function record(channel: string, to: string, ...args: readonly string[]): Running {
  const url = args.includes("--site") ? [] : ["--site", origin().url];
  const recorder = meander("record", channel, "--to", fileOf(to), "--json", ...args, ...url);
  running.push(recorder);
  return recorder;
}

async function described(channel: string, tracks: number): Promise<boolean> {
  return (await channelAt(origin(), channel))?.description?.tracks.length === tracks;
}

/** What a recorder has told, when it has told it. */
async function told(recorder: Running, what: RegExp): Promise<void> {
  await until(`a line like ${what}`, () => {
    if (recorder.child.exitCode !== null) throw new Error(recorder.stderr());
    return recorder
      .stdout()
      .split("\n")
      .some((line) => what.test(line));
  });
}

async function ended(recorder: Running): Promise<{
  readonly frames: number;
  readonly seconds: number;
  readonly drops: Readonly<Record<string, number>>;
}> {
  assert.equal(await endOf(recorder, WITHIN_MS), 0, recorder.stderr());
  const last = recorder.stdout().trim().split("\n").at(-1) ?? "";
  return JSON.parse(last) as Awaited<ReturnType<typeof ended>>;
}

let recorded: Promise<string> | undefined;

/** A recording of four seconds of the clip, made when it is first asked for. */
function clipRecording(): Promise<string> {
  recorded ??= ended(record("clip", "base.mp4", "--duration", "4s")).then(() => fileOf("base.mp4"));
  return recorded;
}

/**
 * A recording of so much of the clip has every frame, at its time.
 *
 * @param isFirst it begins where the recorder came in: sound that was ahead of the picture had gone by then
 */
function assertWhole(path: string, seconds: number, { isFirst }: { isFirst: boolean }): void {
  const { tracks, complaints } = probe(path);
  const [video, audio] = tracks;
  assert.equal(complaints, "");
  assert.equal(video?.codec, "h264");
  assert.equal(audio?.codec, "opus");
  assert.equal(video?.times.length, seconds * 30);
  const sounds = audio?.times ?? [];
  const story = `${path}: ${sounds.length} sounds from ${sounds[0]} to ${sounds.at(-1)}`;
  assert.ok((sounds[0] as number) < (isFirst ? 0.3 : 0.021), story);
  assert.ok(Math.abs((sounds.at(-1) as number) - seconds) < 0.041, story);
  assert.ok(longestStep(video?.times ?? []) < 0.035, `${longestStep(video?.times ?? [])}`);
  assert.ok(longestStep(sounds) < 0.022);
  const counters = countersOf(path);
  assert.equal(counters.length, seconds * 30);
  assert.equal(missingIn(counters.map(({ number }) => number)), 0);
}

function longestStep(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((each, index) => each - (times[index] as number)));
}

/** By how much the picture comes after its sound, ms, at each beep. */
function skewsOf(path: string): number[] {
  const counters = countersOf(path).filter(({ number }) => number % 30 === 0);
  return beepsOf(path).flatMap((beep) => {
    const nearest = counters
      .map(({ seconds }) => (seconds - beep) * 1000)
      .sort((left, right) => Math.abs(left) - Math.abs(right))[0];
    return nearest === undefined || Math.abs(nearest) > 500 ? [] : [nearest];
  });
}

test("MP4 and Matroska have every frame of four seconds, and sound and picture together", {
  skip,
}, async (t) => {
  const files = ["clip.mp4", "clip.mkv"];
  const recorders = files.map((file) => record("clip", file, "--duration", "4s"));
  for (const [index, recorder] of recorders.entries()) {
    const { frames, drops } = await ended(recorder);
    const path = fileOf(files[index] as string);
    assert.deepEqual(drops, {});
    assertWhole(path, 4, { isFirst: true });
    const { seconds, tracks } = probe(path);
    assert.equal(
      tracks.reduce((sum, { times }) => sum + times.length, 0),
      frames,
    );
    assert.ok(Math.abs(seconds - 4) < 0.05, `${seconds} s`);
    const skews = skewsOf(path);
    t.diagnostic(`${files[index]}: skews ${skews.map((each) => each.toFixed(1)).join(", ")} ms`);
    assert.ok(skews.length >= 3);
    assert.ok(skews.every((skew) => Math.abs(skew) <= SKEW_MS_MAX));
  }
});

test("a recorder that is killed leaves what it had; one that is told to end completes its file", {
  skip,
}, async () => {
  const killed = ["killed.mp4", "killed.mkv"].map((file) => record("clip", file));
  const stopped = record("clip", "stopped.mp4");
  await Promise.all([...killed, stopped].map((recorder) => told(recorder, /started/)));
  for (const file of ["killed.mp4", "killed.mkv", "stopped.mp4"]) {
    await until(`${file} grows`, async () => (await stat(fileOf(file))).size > 200_000);
  }
  for (const { child } of killed) child.kill("SIGKILL");
  stopped.child.kill("SIGINT");
  await Promise.all(killed.map((each) => each.ended));
  const { frames } = await ended(stopped);
  for (const file of ["killed.mp4", "killed.mkv", "stopped.mp4"]) {
    const { complaints, tracks } = probe(fileOf(file));
    assert.equal(complaints, "", file);
    assert.ok((tracks[0]?.times.length as number) >= 30, file);
    assert.equal(missingIn(countersOf(fileOf(file)).map(({ number }) => number)), 0, file);
  }
  const counts = probe(fileOf("stopped.mp4")).tracks.map(({ times }) => times.length);
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0),
    frames,
  );
});

test("by configuration, over a relay that dies: segments without a hole between or within them", {
  skip,
}, async () => {
  const input = { from: ["middle", "origin"], stack: "udp", keep: true };
  const to = "{channel}-{number}.mkv";
  const recording = { to, segmentSeconds: 2 };
  await edge().client.setRoutes({ channels: { clip: { input, record: recording } } });
  const status = async () => (await edge().client.recordings())[0];
  await until("two files", async () => ((await status())?.files ?? 0) >= 2);
  assert.equal((await status())?.state, "recording");
  await network.kill("middle");
  await until("the other way", async () => {
    const inputs = (await channelAt(edge(), "clip"))?.inputs;
    return inputs?.find(({ name }) => name === "origin")?.state === "active";
  });
  const atSwitch = (await status())?.files ?? 0;
  await until("two more files", async () => ((await status())?.files ?? 0) >= atSwitch + 2);
  assert.deepEqual((await status())?.drops, {});
  const shown = await meander("status", "--site", edge().url).line((line) =>
    /^clip +recording/.test(line) ? line : undefined,
  );
  assert.match(shown, /clip-0\d+\.mkv/);
  await edge().client.setRoutes({ channels: { clip: { input } } });
  await until("the end", async () => (await edge().client.recordings()).length === 0);
  const folder = join(network.folder, "edge", "recordings");
  await until("all files complete", () => edge().running.stderr().includes("the recording ended"));
  const names = (await readdir(folder)).sort();
  const numbers = names.flatMap((name) =>
    countersOf(join(folder, name)).map(({ number }) => number),
  );
  assert.ok(numbers.length >= 6 * 30, `${numbers.length} frames in ${names.length} files`);
  assert.equal(missingIn(numbers), 0);
  for (const [index, name] of names.slice(0, -1).entries())
    assertWhole(join(folder, name), 2, { isFirst: index === 0 });
});

test("a publisher that starts again gets the next file; the end of one can be the end of all", {
  skip,
}, async () => {
  const once = ["--file", demoClipPath(), "--loop"] as const;
  const first = publish("restarted", ...once);
  await until("the first publisher", () => described("restarted", 2));
  const recorder = record("restarted", "restarted-{number}.mkv");
  await told(recorder, /started/);
  await until("some of it", async () => {
    const [file] = await readdir(network.folder).then((all) => all.filter(isRestarted));
    return file !== undefined && (await stat(fileOf(file))).size > 100_000;
  });
  await first.stop();
  await told(recorder, /finished/);
  publish("restarted", ...once);
  await told(recorder, /started.*0002\.mkv/);
  await until("some more", async () => (await stat(fileOf("restarted-0002.mkv"))).size > 100_000);
  const last = record("restarted", "until-end.mp4", "--until-end");
  await told(last, /started/);
  recorder.child.kill("SIGTERM");
  assert.equal((await ended(recorder)).drops["out-of-order"], undefined);
  await Promise.all(running.filter(isPublisherOf("restarted")).map((each) => each.stop()));
  assert.ok((await ended(last)).frames > 0);
  for (const file of ["restarted-0001.mkv", "restarted-0002.mkv", "until-end.mp4"]) {
    assert.equal(probe(fileOf(file)).complaints, "");
    assert.equal(missingIn(countersOf(fileOf(file)).map(({ number }) => number)), 0);
  }
});

const isRestarted = (name: string): boolean => name.startsWith("restarted-");

function isPublisherOf(channel: string): (each: Running) => boolean {
  return ({ child }) => child.spawnargs.includes("publish") && child.spawnargs.includes(channel);
}

/** Codecs by how they are published, with a kind of file that holds them and what ffprobe calls them. */
const CODECS = [
  { video: "vp8", audio: "opus", file: "vp8.webm", found: ["vp8", "opus"] },
  { video: "vp9", audio: "opus", file: "vp9.webm", found: ["vp9", "opus"] },
  { video: "h264", audio: "pcmu", file: "h264.mov", found: ["h264", "pcm_mulaw"] },
  { video: "h265", audio: "aac", file: "h265.mp4", found: ["hevc", "aac"] },
] as const;

test("what ffmpeg publishes goes to a file, and back as a channel", {
  skip,
  concurrency: 2,
}, async (t) => {
  await Promise.all(
    CODECS.map((each) => t.test(`${each.video} and ${each.audio}`, () => assertRecords(each))),
  );
});

async function assertRecords({
  video,
  audio,
  file,
  found,
}: (typeof CODECS)[number]): Promise<void> {
  const input = ["--ffmpeg", "testsrc2=size=320x180:rate=30", "--bitrate", "500000"];
  const frames = video.startsWith("h26") ? ["--b-frames", "2"] : [];
  const publisher = publish(video, ...input, ...frames, "--video", video, "--audio", audio);
  await until(`the channel in ${video}`, () => described(video, 2));
  const { drops } = await ended(record(video, file, "--duration", "3s"));
  await publisher.stop();
  assert.deepEqual(drops, {});
  const { tracks, complaints, seconds } = probe(fileOf(file));
  assert.equal(complaints, "");
  assert.deepEqual(
    tracks.map((track) => track.codec),
    found,
  );
  const [pictures, sounds] = tracks;
  assert.deepEqual([pictures?.width, pictures?.height], [320, 180]);
  assertAbout(pictures?.times.length, 90);
  assert.ok(Math.abs(seconds - 3) < 0.15, `${seconds} s`);
  // The file begins with its picture, also where pictures are decoded ahead of their time.
  assert.ok(Math.abs(pictures?.times[0] as number) < 0.001);
  assert.ok((sounds?.times[0] as number) < 0.3);
  await assertPlaysBack(file, video);
}

test("AV1 comes from a file and goes into one", { skip }, async () => {
  const made = fileOf("av1-made.webm");
  const { status } = spawnSync(FFMPEG as string, [
    ...["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=4"],
    ...["-f", "lavfi", "-i", "sine=duration=4", "-c:v", "libaom-av1", "-cpu-used", "8"],
    ...["-g", "30", "-c:a", "libopus", made],
  ]);
  if (status !== 0) return;
  await assertPlaysBack("av1-made.webm", "av1");
  for (const file of ["av1-made.webm.mkv", "av1-made.webm.mp4"]) {
    const { tracks, complaints } = probe(fileOf(file));
    assert.equal(complaints, "");
    assert.equal(tracks[0]?.codec, "av1");
    assert.deepEqual([tracks[0]?.width, tracks[0]?.height], [320, 180]);
  }
});

/** The last B-frames need a frame that is presented behind them. */
function assertAbout(count: number | undefined, frames: number): void {
  assert.ok(count !== undefined && count >= frames - 1 && count <= frames + 3, `${count} frames`);
}

/** A file is published and what it is published with is recorded again, to files of other kinds where they hold it. */
async function assertPlaysBack(file: string, codec: string): Promise<void> {
  const channel = `again-${codec}`;
  const playing = publish(channel, "--file", fileOf(file), "--loop");
  await until(`the recording in ${codec} as a channel`, () => described(channel, 2));
  const kinds = file.endsWith(".mov") ? ["mov", "mkv"] : ["mkv", "mp4"];
  const fitting = codec === "vp8" ? ["mkv"] : kinds;
  const recorders = fitting.map((kind) =>
    record(channel, `${file}.${kind}`, "--duration", "1500ms"),
  );
  for (const [index, recorder] of recorders.entries()) {
    await ended(recorder);
    const { tracks, complaints } = probe(`${fileOf(file)}.${fitting[index]}`);
    assert.equal(complaints, "");
    assertAbout(tracks[0]?.times.length, 45);
    assert.ok((tracks[1]?.times.length as number) > 20);
  }
  await playing.stop();
}

test("a recording is a channel again", { skip }, async (t) => {
  const playing = publish("again", "--file", await clipRecording(), "--loop");
  await until("the recording's channel", () => described("again", 2));
  await ended(record("again", "again.mkv", "--duration", "3s"));
  const counters = countersOf(fileOf("again.mkv")).map(({ number }) => number);
  assert.equal(counters.length, 90);
  // It goes round after four seconds, at a frame that is not the clip's first.
  const breaks = counters.slice(1).filter((each, i) => each !== ((counters[i] ?? 0) + 1) % 300);
  assert.ok(breaks.length <= 1, `${breaks.length}`);
  if (CHROMIUM !== undefined) {
    await using browser: Browser = await openBrowser();
    await openPlayer(browser.page, origin().url, "again");
    const { frames, skewMs, now } = await observe(browser.page, 2_000);
    t.diagnostic(`${frames} frames in 2 s, skew ${skewMs.toFixed(1)} ms`);
    assert.ok(frames >= 40, `${frames} frames`);
    assert.equal(now["decodeErrors"], 0);
  }
  await playing.stop();
});

test("what can not be recorded is refused with what can", { skip }, async () => {
  await clipRecording();
  const refusals = [
    [record("clip", "clip.webm"), /recording-unsupported.*\.mkv or \.mp4/],
    [record("clip", "clip.avi"), /recording-format.*\.webm, \.mkv, \.mp4 or \.mov/],
    [record("clip", "base.mp4"), /recording-exists.*base\.mp4/],
    [record("clip", "no/such/folder.mp4"), /recording-path/],
    [record("clip", "clip-{tiem}.mp4"), /recording-path.*\{time\}/],
    [record("nobody", "nobody.mp4"), /channel-unknown/],
  ] as const;
  for (const [recorder, message] of refusals) {
    assert.equal(await endOf(recorder), 1);
    assert.match(recorder.stderr(), message);
  }
  for (const to of ["../out.mkv", "/tmp/out.mkv", "{channel}.txt"]) {
    const routes = { channels: { clip: { record: { to } } } };
    await assert.rejects(origin().client.setRoutes(routes), { code: "config-invalid" }, to);
  }
  const text = publish("words", "--text");
  text.child.stdin?.write("hello\n");
  await until("the words", () => described("words", 1));
  const recorder = record("words", "words.mkv");
  assert.equal(await endOf(recorder), 1);
  assert.match(recorder.stderr(), /recording-unsupported.*text/);
});

const canMount =
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status === 0;
const noMount = canMount ? false : "mounting needs root and namespaces";

test("a full disk under a recording: the site lives on, the file can be read, and it goes on", {
  skip: skip !== false ? skip : noMount,
}, async () => {
  const disk = fileOf("disk");
  await mkdir(disk);
  const args = ["site", "--json", "--name", "small", "--http-port", "0", "--udp-port", "0"];
  const folders = ["--data", fileOf("small"), "--recordings", disk, "--join", origin().url];
  const site = start("unshare", [
    ...["-m", "sh", "-c", 'mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"', disk],
    ...[process.execPath, MEANDER, ...args, ...folders],
  ]);
  running.push(site);
  const { url, pid } = await site.line((line) => json<{ url: string; pid: number }>(line));
  const client = new SiteClient(url);
  const inside = `/proc/${pid}/root${disk}`;
  await client.setRoutes({ channels: { clip: { record: { to: "{channel}-{number}.mkv" } } } });
  const status = async () => (await client.recordings())[0];
  await until("a full disk", async () => (await status())?.reason === "the disk is full");
  const refused =
    site
      .stderr()
      .split("\n")
      .find((line) => line.includes("ENOSPC")) ?? "";
  assert.match(refused, /"file":"[^"]*disk\/clip-0001\.mkv"/);
  assert.match(refused, /the disk is full/);
  assert.equal((await client.health()).status, "ok");
  const { tracks, complaints } = probe(`${inside}/clip-0001.mkv`);
  assert.equal(complaints, "");
  assert.ok((tracks[0]?.times.length as number) > 30);
  assert.equal(missingIn(countersOf(`${inside}/clip-0001.mkv`).map(({ number }) => number)), 0);
  // Somebody makes room.
  const enlarge = ["-t", `${pid}`, "-m", "mount", "-o", "remount,size=20m", disk];
  assert.equal(spawnSync("nsenter", enlarge).status, 0);
  await until("it goes on", async () => (await status())?.state === "recording");
  assert.equal((await readdir(inside)).filter((name) => name.endsWith(".mkv")).length, 2);
  assert.ok(((await status())?.drops["disk-refused"] ?? 0) > 0);
});
