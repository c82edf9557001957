import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TrackFacts } from "../../wire/index.ts";
import { ClipReader } from "../files/clip-reader.ts";
import { demoClipPath } from "../files/demo-clip.ts";
import { AUDIO, type ClipSample, clipSamples, Recording, VIDEO } from "./record.test.support.ts";

const folder = mkdtempSync(join(tmpdir(), "meander-facts-"));
let clip: ClipSample[] = [];
before(async () => {
  clip = (await clipSamples()).filter(({ seconds }) => seconds < 2);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const HDR = { primaries: 9, transfer: 16, matrix: 9, fullRange: false } as const;
const FACTS: readonly TrackFacts[] = [
  {},
  { rotation: 90 },
  { rotation: 180, mirrored: true },
  { rotation: 270, pixelAspect: [16, 11], language: "deu", title: "Kamera 1" },
  { mirrored: true, colour: HDR },
  { pixelAspect: [8, 9], colour: { primaries: 1, transfer: 1, matrix: 1, fullRange: true } },
];

for (const container of ["mkv", "mp4"] as const) {
  test(`what a track is described with is in the ${container} file, and is published from it again`, async () => {
    for (const [index, facts] of FACTS.entries()) {
      const recording = new Recording(container);
      const sound = { language: "fra", title: "commentaire" };
      const buffers = {
        video: recording.open({ ...VIDEO, ...facts }),
        audio: recording.open({ ...AUDIO, ...sound }),
      };
      for (const sample of clip) await recording.play(buffers[sample.kind], sample);
      await recording.segmenter.finish();
      const path = join(folder, `${index}.${container}`);
      writeFileSync(path, recording.files[0]?.file.bytes as Uint8Array);
      const reader = await ClipReader.open(path);
      const [video, audio] = reader.tracks.map((track) => track.facts);
      reader.close();
      // The clip's own parameter sets state its colour.
      const { colour, ...rest } = video ?? {};
      const { colour: stated, ...wanted } = facts;
      assert.deepEqual(rest, wanted);
      if (stated !== undefined) assert.deepEqual(colour, stated);
      assert.deepEqual(audio, sound);
    }
  });
}

test("a language of two letters is written as files have it", async () => {
  const { languageCodeOf } = await import("../files/container-facts.ts");
  const known = { de: "deu", en: "eng", fr: "fra", zh: "zho", "pt-BR": "por", jpn: "jpn" };
  for (const [language, code] of Object.entries(known))
    assert.equal(languageCodeOf(language), code);
  for (const language of [undefined, "", "qq", "x-klingon"])
    assert.equal(languageCodeOf(language), undefined, language);
});

test("a file that is cut off, or without its index, is called broken; one that is not understood is not", async () => {
  const recording = new Recording("mp4");
  const video = recording.open(VIDEO);
  for (const sample of clip.filter(({ kind }) => kind === "video"))
    await recording.play(video, sample);
  await recording.segmenter.finish();
  const whole = recording.files[0]?.file.bytes as Uint8Array;
  const packaged = readFileSync(demoClipPath());
  const box = (type: string, bytes: number, told = bytes): Buffer => {
    const made = Buffer.alloc(bytes);
    made.writeUInt32BE(told);
    made.write(type, 4, "latin1");
    return made;
  };
  const head = whole.subarray(0, new DataView(whole.buffer, whole.byteOffset).getUint32(0));
  const files: Readonly<Record<string, readonly [bytes: Uint8Array, code: string, says: RegExp]>> =
    {
      "empty.mp4": [new Uint8Array(), "clip-broken", /empty/],
      "cut.mp4": [
        Buffer.concat([head, box("mdat", 500, 9_000)]),
        "clip-broken",
        /cut off.*moov.*ffmpeg -i/,
      ],
      "none.mp4": [Buffer.concat([head, box("mdat", 500)]), "clip-broken", /moov.*-c copy/],
      "index-cut.mp4": [packaged.subarray(0, 5_000), "clip-broken", /it has 5000 of 9367 bytes/],
      "frames-cut.mp4": [
        packaged.subarray(0, 60_000),
        "clip-broken",
        /it has 60000 of 967804 bytes/,
      ],
      "text.mp4": [
        Buffer.from("no media at all ".repeat(9)),
        "clip-unsupported",
        /not supported.*--ffmpeg/,
      ],
    };
  for (const [name, [bytes, code, says]] of Object.entries(files)) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    await assert.rejects(ClipReader.open(path), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, `${name}: ${error.message}`);
      assert.match(error.message.replaceAll("\n", " "), says, name);
      assert.doesNotMatch(error.message, /malformed/);
      return true;
    });
  }
});

for (const format of ["mp4", "mkv"] as const) {
  test(`what a cut-off ${format} recording has is published, with a warning`, async () => {
    const recording = new Recording(format);
    const video = recording.open(VIDEO);
    const frames = clip.filter(({ kind }) => kind === "video");
    for (const sample of frames) await recording.play(video, sample);
    await recording.segmenter.finish();
    const whole = recording.files[0]?.file.bytes as Uint8Array;
    const read = async (bytes: Uint8Array) => {
      const path = join(folder, `part.${format}`);
      writeFileSync(path, bytes);
      const reader = await ClipReader.open(path);
      let count = 0;
      for await (const _frame of reader.frames(0)) count++;
      reader.close();
      return { count, warnings: reader.warnings };
    };
    assert.deepEqual(await read(whole), { count: frames.length, warnings: [] });
    const part = await read(whole.subarray(0, (whole.byteLength * 2) / 3));
    assert.ok(part.count > frames.length / 3 && part.count < frames.length, String(part.count));
    assert.match(
      part.warnings.join(),
      /part\.\w+ is broken: it is cut off: it has \d+ of \d+ bytes/,
    );
  });
}
