import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { openBrowser } from "../support/browser.ts";
import { observe, openPlayer } from "../support/player.ts";
import { endOf } from "../support/processes.ts";
import { CHROMIUM } from "../support/programs.ts";
import { assertWhole, beepsOf, countersOf, missingIn, probe } from "../support/recorded.ts";
import { ended, noFfmpeg, RecordingNetwork, told, until } from "../support/recording-network.ts";

const SKEW_MS_MAX = 40;

const recording = RecordingNetwork.use({ clip: true });

/** By how much the picture follows its sound, ms, at each beep. */
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
  skip: noFfmpeg,
}, async (t) => {
  const files = ["clip.mp4", "clip.mkv"];
  const recorders = files.map((file) => recording.record("clip", file, "--duration", "4s"));
  for (const [index, recorder] of recorders.entries()) {
    const { frames, drops } = await ended(recorder);
    const path = recording.fileOf(files[index] as string);
    assert.deepEqual(drops, {});
    assertWhole(path, 4, { isFirst: true });
    const { seconds, tracks } = probe(path);
    assert.equal(
      tracks.reduce((sum, { times }) => sum + times.length, 0),
      frames,
    );
    // Sound from shortly before the first picture comes on top.
    assert.ok(Math.abs(seconds - 4) < 0.1, `${seconds} s`);
    const skews = skewsOf(path);
    t.diagnostic(`${files[index]}: skews ${skews.map((each) => each.toFixed(1)).join(", ")} ms`);
    assert.ok(skews.length >= 3);
    assert.ok(skews.every((skew) => Math.abs(skew) <= SKEW_MS_MAX));
  }
});

test("a recorder that is killed leaves what it had written; one that is stopped completes its file", {
  skip: noFfmpeg,
}, async () => {
  const killed = ["killed.mp4", "killed.mkv"].map((file) => recording.record("clip", file));
  const stopped = recording.record("clip", "stopped.mp4");
  await Promise.all([...killed, stopped].map((recorder) => told(recorder, /started/)));
  for (const file of ["killed.mp4", "killed.mkv", "stopped.mp4"]) {
    await until(`${file} grows`, async () => (await stat(recording.fileOf(file))).size > 200_000);
  }
  for (const { child } of killed) child.kill("SIGKILL");
  stopped.child.kill("SIGINT");
  await Promise.all(killed.map((each) => each.ended));
  const { frames } = await ended(stopped);
  for (const file of ["killed.mp4", "killed.mkv", "stopped.mp4"]) {
    const { complaints, tracks } = probe(recording.fileOf(file));
    assert.equal(complaints, "", file);
    assert.ok((tracks[0]?.times.length as number) >= 30, file);
    assert.equal(
      missingIn(countersOf(recording.fileOf(file)).map(({ number }) => number)),
      0,
      file,
    );
  }
  const counts = probe(recording.fileOf("stopped.mp4")).tracks.map(({ times }) => times.length);
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0),
    frames,
  );
});

test("a recording is a channel again", { skip: noFfmpeg }, async (t) => {
  const playing = recording.publish("again", "--file", await recording.clipRecording(), "--loop");
  await until("the recording's channel", () => recording.isDescribed("again", 2));
  await ended(recording.record("again", "again.mkv", "--duration", "3s"));
  const counters = countersOf(recording.fileOf("again.mkv")).map(({ number }) => number);
  assert.equal(counters.length, 90);
  // It starts over after four seconds, at a frame that is not the clip's first.
  const breaks = counters.slice(1).filter((each, i) => each !== ((counters[i] ?? 0) + 1) % 300);
  assert.ok(breaks.length <= 1, `${breaks.length}`);
  if (CHROMIUM !== undefined) {
    await using browser = await openBrowser();
    await openPlayer(browser.page, recording.origin.url, "again");
    const { frames, skewMs, now } = await observe(browser.page, 2_000);
    t.diagnostic(`${frames} frames in 2 s, skew ${skewMs.toFixed(1)} ms`);
    assert.ok(frames >= 40, `${frames} frames`);
    assert.equal(now["decodeErrors"], 0);
  }
  await playing.stop();
});

test("what cannot be recorded is refused, and the error names what can", {
  skip: noFfmpeg,
}, async () => {
  await recording.clipRecording();
  const refusals = [
    [recording.record("clip", "clip.webm"), /recording-unsupported.*\.mkv or \.mp4/],
    [recording.record("clip", "clip.avi"), /recording-format.*\.webm, \.mkv, \.mp4 or \.mov/],
    [recording.record("clip", "base.mp4"), /recording-exists.*base\.mp4/],
    [recording.record("clip", "no/such/folder.mp4"), /recording-path/],
    [recording.record("clip", "clip-{tiem}.mp4"), /recording-path.*\{time\}/],
    [recording.record("unknown", "unknown.mp4"), /channel-unknown/],
  ] as const;
  for (const [recorder, message] of refusals) {
    assert.equal(await endOf(recorder), 1);
    assert.match(recorder.stderr(), message);
  }
  for (const to of ["../out.mkv", "/tmp/out.mkv", "{channel}.txt"]) {
    const routes = { channels: { clip: { record: { to } } } };
    await assert.rejects(recording.origin.client.setRoutes(routes), { code: "config-invalid" }, to);
  }
  const text = recording.publish("words", "--text");
  text.child.stdin?.write("hello\n");
  await until("the words", () => recording.isDescribed("words", 1));
  const recorder = recording.record("words", "words.mkv");
  assert.equal(await endOf(recorder), 1);
  assert.match(recorder.stderr(), /recording-unsupported.*text/);
});
