import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import {
  AUDIO,
  type ClipSample,
  clipSamples,
  Recording,
  readBack,
  VIDEO,
} from "./record.test.support.ts";

const SEGMENT_S = 2;
const SOUND_S = 0.02;
const TICK_MS = 50;
/** Matroska has whole milliseconds. */
const ROUNDING_S = 0.001;

/** A track is held up on its way: what is due within this time comes at its end. */
interface Delay {
  readonly kind: "video" | "audio";
  /** ms since the start. */
  readonly fromMs: number;
  readonly ms: number;
}

const delay: fc.Arbitrary<Delay> = fc.record({
  kind: fc.constantFrom("video", "audio"),
  fromMs: fc.integer({ min: 500, max: 9_500 }),
  ms: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 200, max: 3_000 })),
});

let clip: ClipSample[] = [];

before(async () => {
  clip = await clipSamples();
});

/** The clip in the order of its arrival, with when each frame comes, ms. */
function arriving(
  delays: readonly Delay[],
): { readonly at: number; readonly sample: ClipSample }[] {
  const newest = { video: 0, audio: 0 };
  const arrivals = clip.map((sample) => {
    const due = sample.seconds * 1000;
    const ends = delays
      .filter(({ kind, fromMs, ms }) => kind === sample.kind && due >= fromMs && due < fromMs + ms)
      .map(({ fromMs, ms }) => fromMs + ms);
    const at = Math.max(due, newest[sample.kind], ...ends);
    newest[sample.kind] = at;
    return { at, sample };
  });
  return arrivals.sort((left, right) => left.at - right.at);
}

/** Records the clip in files of {@link SEGMENT_S}. @param stands all stands still from then on, for 8 s, ms */
async function record(delays: readonly Delay[], stands = Number.POSITIVE_INFINITY) {
  const recording = new Recording("mkv", { segmentMs: SEGMENT_S * 1000 });
  const { clock, segmenter } = recording;
  const buffers = { video: recording.open(VIDEO), audio: recording.open(AUDIO) };
  let tickedAt = 0;
  for (const { at, sample } of arriving(delays)) {
    const due = at >= stands ? at + 8_000 : at;
    while (clock.now() < due) {
      clock.advance(Math.min(tickedAt + TICK_MS, due) - clock.now());
      if (clock.now() < tickedAt + TICK_MS) continue;
      tickedAt = clock.now();
      segmenter.tick();
    }
    const { bytes, key, kind, seconds } = sample;
    const ticks = Math.round(seconds * buffers[kind].track.clockRate);
    segmenter.frame(buffers[kind], { bytes, key, ticks });
  }
  await segmenter.finish();
  assert.deepEqual(segmenter.drops.toJSON(), {});
  return Promise.all(recording.files.map(({ file }) => readBack(file.bytes)));
}

/** Each file has the pictures and the sounds of its time: all of them, and no others. */
function assertCutTogether(files: Awaited<ReturnType<typeof record>>): void {
  assert.equal(files.length, 10 / SEGMENT_S);
  for (const [index, [video, audio]] of files.entries()) {
    assert.equal(video?.times.length, SEGMENT_S * 30, `pictures of file ${index + 1}`);
    const sounds = audio?.times ?? [];
    const story = `file ${index + 1}: ${sounds.length} sounds from ${sounds[0]} to ${sounds.at(-1)}`;
    assert.equal(sounds.length, SEGMENT_S / SOUND_S, story);
    assert.ok((sounds[0] as number) < SOUND_S + ROUNDING_S, story);
    assert.ok((sounds.at(-1) as number) < SEGMENT_S + ROUNDING_S, story);
  }
}

test("files of a recording have the sound of their time, whichever track is held up on its way", async () => {
  const property = fc.asyncProperty(fc.array(delay, { maxLength: 6 }), async (delays) =>
    assertCutTogether(await record(delays)),
  );
  await fc.assert(property, { numRuns: 15, includeErrorInReport: true });
});

test("a file waits for its last sounds as long as its site stands still", async () => {
  // The picture of the cut is the last thing that came before.
  for (const stands of [4_001, 4_011, 4_021])
    assertCutTogether(await record([{ kind: "audio", fromMs: 3_900, ms: 400 }], stands));
});

test("sound that waits for pictures that have ended is in their file", async () => {
  const recording = new Recording("mkv", { segmentMs: SEGMENT_S * 1000 });
  const buffers = { video: recording.open(VIDEO), audio: recording.open(AUDIO) };
  const pictures = clip.filter(({ kind, seconds }) => kind === "video" && seconds < 5.99);
  const sounds = clip.filter(({ kind, seconds }) => kind === "audio" && seconds < 6.05);
  for (const sample of [...pictures, ...sounds].sort((a, b) => a.seconds - b.seconds))
    await recording.play(buffers[sample.kind], sample);
  recording.segmenter.close(buffers.video);
  recording.segmenter.close(buffers.audio);
  await recording.segmenter.finish();
  const files = await Promise.all(recording.files.map(({ file }) => readBack(file.bytes)));
  assert.deepEqual(
    files.map(([, audio]) => audio?.times.length),
    [100, 100, 102],
  );
});
