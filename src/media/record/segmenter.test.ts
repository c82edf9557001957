import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  AUDIO,
  type ClipSample,
  clipSamples,
  Recording,
  readBack,
  VIDEO,
} from "./record.test.support.ts";

let clip: ClipSample[] = [];

before(async () => {
  clip = await clipSamples();
});

/** Lets the writers process what was enqueued. */
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function playAll(
  recording: Recording,
  samples: readonly ClipSample[],
  buffers = { video: recording.open(VIDEO), audio: recording.open(AUDIO) },
): Promise<typeof buffers> {
  for (const sample of samples) {
    await recording.play(buffers[sample.kind], sample);
    await settle();
  }
  return buffers;
}

for (const container of ["mkv", "mp4"] as const) {
  describe(`recording the clip to ${container}`, () => {
    test("one file has every frame, key frames where they were, and its times", async () => {
      const recording = new Recording(container);
      await playAll(recording, clip);
      await recording.segmenter.finish();
      assert.deepEqual(recording.told, [
        `started rec-1.${container}`,
        `finished rec-1.${container}: the recording ended`,
      ]);
      const [video, audio] = await readBack(recording.files[0]?.file.bytes as Uint8Array);
      const pictures = clip.filter(({ kind }) => kind === "video");
      const sounds = clip.filter(({ kind }) => kind === "audio");
      assert.equal(video?.codec, "avc");
      assert.equal(video?.times.length, pictures.length);
      assert.equal(video?.keys, 10);
      assert.equal(audio?.times.length, sounds.length);
      for (const [index, { seconds }] of pictures.entries())
        assert.ok(Math.abs((video?.times[index] as number) - seconds) < 0.001);
      for (const [index, { seconds }] of sounds.entries())
        assert.ok(Math.abs((audio?.times[index] as number) - seconds) < 0.001);
      assert.ok(recording.files[0]?.file.isClosed);
      assert.equal(recording.segmenter.totals.frames, clip.length);
      assert.deepEqual(recording.segmenter.drops.toJSON(), {});
    });

    test("segments begin with key frames and lose nothing at their bounds", async () => {
      const recording = new Recording(container, { segmentMs: 2_500 });
      await playAll(recording, clip);
      await recording.segmenter.finish();
      const files = await Promise.all(recording.files.map(({ file }) => readBack(file.bytes)));
      assert.deepEqual(
        files.map(([video]) => video?.times.length),
        [90, 90, 90, 30],
      );
      assert.deepEqual(
        files.map(([video]) => video?.keys),
        [3, 3, 3, 1],
      );
      const sounds = files.map(([, audio]) => audio?.times.length ?? 0);
      const all = clip.filter(({ kind }) => kind === "audio").length;
      assert.equal(
        sounds.reduce((sum, each) => sum + each, 0),
        all,
      );
      for (const [video, audio] of files) {
        assert.ok(Math.abs(video?.times[0] as number) < 0.001);
        assert.ok((audio?.times[0] as number) < 0.021);
      }
      assert.deepEqual(
        recording.finished.map(({ reason }) => reason),
        ["full length", "full length", "full length", "the recording ended"],
      );
    });

    test("at any moment what is written can be read", async () => {
      const recording = new Recording(container);
      const buffers = await playAll(recording, clip.slice(0, 500));
      const bytes = recording.files[0]?.file.bytes as Uint8Array;
      const [video, audio] = await readBack(bytes.slice());
      const written = clip.slice(0, 500).filter(({ kind }) => kind === "video").length;
      // An MP4 fragment is written when it is complete; there is a key frame every second.
      assert.ok((video?.times.length as number) > written - 62, `${video?.times.length}`);
      assert.ok((audio?.times.length as number) > 100);
      recording.segmenter.close(buffers.video);
      recording.segmenter.close(buffers.audio);
      await recording.segmenter.finish();
    });

    test("a full disk leaves a file that can be read, and the recording goes on when it is told", async () => {
      const recording = new Recording(container);
      recording.room = 300_000;
      const buffers = await playAll(recording, clip.slice(0, 500));
      assert.deepEqual(recording.told, [
        `started rec-1.${container}`,
        `failed rec-1.${container}: ENOSPC`,
      ]);
      const [video] = await readBack(recording.files[0]?.file.bytes as Uint8Array);
      assert.ok((video?.times.length as number) > 30);
      assert.ok(recording.files[0]?.file.isClosed);
      recording.room = Number.POSITIVE_INFINITY;
      recording.segmenter.unblock();
      await playAll(recording, clip.slice(500), buffers);
      await recording.segmenter.finish();
      const [again] = await readBack(recording.files[1]?.file.bytes as Uint8Array);
      assert.ok((again?.times.length as number) >= 60);
      assert.ok((recording.segmenter.drops.toJSON()["disk-refused"] ?? 0) > 0);
    });
  });
}

test("with a slow disk whole groups of pictures are dropped and counted, and the rest keeps its time", async () => {
  const recording = new Recording("mkv");
  let open = (): void => {};
  recording.gate = new Promise((resolve) => {
    open = resolve;
  });
  // Ten pictures of 4 MB while the disk stands still.
  const large = clip.map((sample) =>
    sample.kind === "video" && sample.seconds >= 1 && sample.seconds < 1.33
      ? { ...sample, bytes: padded(sample.bytes, 4_000_000) }
      : sample,
  );
  const before = large.findIndex(({ seconds }) => seconds >= 3.5);
  const buffers = await playAll(recording, large.slice(0, before));
  const { drops } = recording.segmenter;
  assert.ok((drops.toJSON()["disk-slow"] ?? 0) > 0);
  open();
  await until(() => recording.segmenter.current?.bytes ?? 0, 30_000_000);
  await playAll(recording, large.slice(before), buffers);
  await recording.segmenter.finish();
  const [video] = await readBack(recording.files[0]?.file.bytes as Uint8Array);
  const pictures = clip.filter(({ kind }) => kind === "video");
  assert.ok((video?.times.length as number) < pictures.length);
  assert.ok((video?.times.length as number) > 180);
  assert.ok(Math.abs((video?.times.at(-1) as number) - 9.967) < 0.002);
});

async function until(value: () => number, least: number): Promise<void> {
  while (value() < least) await settle();
}

/** Appends a NAL unit of filler data. */
function padded(frame: Uint8Array, bytes: number): Uint8Array {
  const padding = new Uint8Array(bytes).fill(0xff);
  padding.set([0, 0, 0, 1, 12]);
  const whole = new Uint8Array(frame.byteLength + padding.byteLength);
  whole.set(frame);
  whole.set(padding, frame.byteLength);
  return whole;
}

/** Presentation in groups of four: the last first, then the others. */
function reordered(samples: readonly ClipSample[]): ClipSample[] {
  const ORDER = [0, 3, 1, 2];
  let pictures = 0;
  let firstOfGroup = 0;
  return samples.map((sample) => {
    if (sample.kind === "audio") return sample;
    if (sample.key) firstOfGroup = pictures;
    const index = pictures++ - firstOfGroup;
    // The 28 pictures after a key frame and one more, in groups of four.
    const moved = index < 28 ? (index & ~3) + (ORDER[index & 3] as number) : index;
    return { ...sample, seconds: (firstOfGroup + moved) / 30 };
  });
}

for (const container of ["mkv", "mp4", "mov"] as const) {
  test(`pictures that are decoded ahead of their time keep it in ${container}, and all their sound`, async () => {
    const only = clip.map((sample) => ({ ...sample }));
    const recording = new Recording(container, { segmentMs: 4_000 });
    const buffers =
      container === "mov"
        ? [recording.open(VIDEO), undefined]
        : [recording.open(VIDEO), recording.open(AUDIO)];
    for (const sample of reordered(only)) {
      const buffer = sample.kind === "video" ? buffers[0] : buffers[1];
      if (buffer === undefined) continue;
      await recording.play(buffer, sample);
      await settle();
    }
    await recording.segmenter.finish();
    const files = await Promise.all(recording.files.map(({ file }) => readBack(file.bytes)));
    assert.deepEqual(
      files.map(([video]) => video?.times.length),
      [120, 120, 60],
    );
    for (const [video, audio] of files) {
      const times = (video?.times ?? []).toSorted((left, right) => left - right);
      for (const [index, time] of times.entries()) assert.ok(Math.abs(time - index / 30) < 0.001);
      assert.ok((video?.times[1] as number) > (video?.times[2] as number));
      if (audio !== undefined) assert.ok((audio.times[0] as number) < 0.021);
    }
    assert.deepEqual(recording.segmenter.drops.toJSON(), {});
  });
}

test("audio alone and video alone can be recorded", async () => {
  for (const kind of ["video", "audio"] as const) {
    const recording = new Recording("mp4", { segmentMs: 4_000 });
    const buffer = recording.open(kind === "video" ? VIDEO : AUDIO);
    for (const sample of clip.filter((each) => each.kind === kind)) {
      await recording.play(buffer, sample);
      await settle();
    }
    await recording.segmenter.finish();
    const files = await Promise.all(recording.files.map(({ file }) => readBack(file.bytes)));
    assert.equal(files.length, 3, kind);
    const count = files.reduce((sum, [track]) => sum + (track?.times.length ?? 0), 0);
    assert.equal(count, clip.filter((each) => each.kind === kind).length);
  }
});

test("when a publisher restarts a new file begins; lost frames leave a gap", async () => {
  const recording = new Recording("mkv");
  const first = await playAll(recording, clip.slice(0, 300));
  recording.segmenter.close(first.video);
  recording.segmenter.close(first.audio);
  const gap = clip.slice(300).filter(({ seconds }) => seconds < 5 || seconds >= 7);
  await playAll(recording, gap);
  await recording.segmenter.finish();
  assert.deepEqual(
    recording.finished.map(({ reason }) => reason),
    ["the channel ended", "the recording ended"],
  );
  const [video] = await readBack(recording.files[1]?.file.bytes as Uint8Array);
  const steps = (video?.times ?? []).slice(1).map((each, i) => each - (video?.times[i] ?? 0));
  assert.ok(Math.abs(Math.max(...steps) - 2.033) < 0.002, `${Math.max(...steps)}`);
});

for (const isReported of [true, false]) {
  const how = isReported ? "is reported at once" : "is not reported yet";
  test(`a track of the next run that ${how} loses nothing when the last one of the old run closes`, async () => {
    for (const early of ["video", "audio"] as const) {
      const recording = new Recording("mkv");
      const late = early === "video" ? "audio" : "video";
      const tracks = { video: VIDEO, audio: AUDIO };
      const old = await playAll(
        recording,
        clip.filter(({ seconds }) => seconds < 4),
      );
      recording.segmenter.close(old[early]);
      const next = { ...old, [early]: recording.open(tracks[early], 0, isReported) };
      const both = clip.filter(
        ({ kind, seconds }) => seconds >= (kind === early ? 5 : 6) && seconds < 10,
      );
      await playAll(
        recording,
        both.filter(({ seconds }) => seconds < 5.5),
        next,
      );
      recording.segmenter.close(old[late]);
      next[late] = recording.open(tracks[late], 0, isReported);
      await playAll(
        recording,
        both.filter(({ seconds }) => seconds >= 5.5),
        next,
      );
      await recording.segmenter.finish();
      assert.deepEqual(recording.segmenter.drops.toJSON(), {}, early);
      const before = clip.filter(({ seconds }) => seconds < 4).length;
      assert.equal(recording.segmenter.totals.frames, before + both.length, early);
    }
  });
}

test("a track that is added begins a new file with both tracks, at a key frame", async () => {
  const recording = new Recording("mkv");
  const video = recording.open(VIDEO);
  for (const sample of clip.filter(({ kind, seconds }) => kind === "video" && seconds < 3.5)) {
    await recording.play(video, sample);
    await settle();
  }
  const audio = recording.open(AUDIO);
  const rest = clip.filter(({ seconds }) => seconds >= 3.5);
  await playAll(recording, rest, { video, audio });
  await recording.segmenter.finish();
  const files = await Promise.all(recording.files.map(({ file }) => readBack(file.bytes)));
  assert.deepEqual(
    files.map((tracks) => tracks.map(({ times }) => times.length)),
    [[120], [180, 325]],
  );
});

test("a changed video format begins a new file", async () => {
  const recording = new Recording("mkv");
  const buffers = { video: recording.open(VIDEO), audio: recording.open(AUDIO) };
  // The formats differ by the level in the parameter set.
  const changed = clip.map((sample) =>
    sample.kind === "video" && sample.seconds >= 4.999
      ? { ...sample, bytes: withLevel(sample.bytes, 0x29) }
      : sample,
  );
  await playAll(recording, changed, buffers);
  await recording.segmenter.finish();
  const files = await Promise.all(recording.files.map(({ file }) => readBack(file.bytes)));
  assert.deepEqual(
    files.map(([video]) => video?.times.length),
    [150, 150],
  );
  const sounds = files.reduce((sum, [, audio]) => sum + (audio?.times.length ?? 0), 0);
  assert.equal(sounds, clip.filter(({ kind }) => kind === "audio").length);
  assert.equal(recording.finished[0]?.reason, "its tracks changed");
});

function withLevel(frame: Uint8Array, level: number): Uint8Array {
  const at = frame.findIndex(
    (_byte, index) => frame[index - 1] === 1 && ((frame[index] as number) & 31) === 7,
  );
  if (at < 0) return frame;
  const copy = frame.slice();
  copy[at + 3] = level;
  return copy;
}

test("a recording of limited length ends by itself", async () => {
  const recording = new Recording("mp4", { durationMs: 3_000 });
  await playAll(recording, clip);
  assert.equal(recording.told.filter((line) => line === "enough").length, 1);
  await recording.segmenter.finish();
  const [video, audio] = await readBack(recording.files[0]?.file.bytes as Uint8Array);
  assert.equal(video?.times.length, 90);
  assert.equal(audio?.times.length, 150);
});

test("a disk that is full from the first byte leaves no file, and none is counted", async () => {
  const recording = new Recording("mkv");
  recording.room = 10;
  await playAll(recording, clip.slice(0, 200));
  assert.deepEqual(recording.told, ["started rec-1.mkv", "failed undefined: ENOSPC"]);
  assert.equal(recording.files[0]?.file.bytes.byteLength, 0);
  assert.equal(recording.segmenter.totals.files, 0);
  await recording.segmenter.finish();
});

test("an error with the first file is reported, and no frame is held", async () => {
  const refusal = Object.assign(new Error("permission denied"), { code: "EACCES" });
  const recording = new Recording("mkv", {
    openFile: () => {
      throw refusal;
    },
  });
  await playAll(recording, clip.slice(0, 200));
  assert.deepEqual(recording.told, ["failed undefined: EACCES"]);
  await recording.segmenter.finish();
});
