import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../base/index.ts";
import { SoundTimes } from "./sound-times.ts";

test("sound behind a gap has the time of its own chunk", () => {
  const times = new SoundTimes();
  times.push(0, 0.02);
  times.push(20, 0.02);
  times.push(2_020, 0.02);
  assert.deepEqual([times.take(0.02), times.take(0.02), times.take(0.02)], [0, 20, 2_020]);
  assert.equal(times.take(0.02), undefined);
});

test("several outputs of one chunk, and one of several, have the time of their first sample", () => {
  const times = new SoundTimes();
  times.push(1_000, 0.06);
  times.push(10_000, 0.02);
  times.push(10_020, 0.02);
  times.push(20_000, 0.02);
  const taken = [0.02, 0.02, 0.02, 0.04, 0.02].map((seconds) => times.take(seconds));
  assert.deepEqual(
    taken.map(Math.round as (value: number | undefined) => number),
    [1_000, 1_020, 1_040, 10_000, 20_000],
  );
});

test("a decoder that holds sound back changes no times, whatever is lost between", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const times = new SoundTimes();
    const handed: number[] = [];
    const taken: number[] = [];
    let ms = 0;
    const held = random.below(4);
    for (let index = 0; index < 500; index++) {
      ms += random.below(20) === 0 ? 20 * (2 + random.below(100)) : 20;
      times.push(ms, 0.02);
      handed.push(ms);
      if (times.waiting > held) taken.push(Math.round(times.take(0.02) ?? Number.NaN));
    }
    assert.deepEqual(taken, handed.slice(0, taken.length), `seed ${seed}`);
    assert.equal(taken.length, 500 - held);
  }
});

test("chunks that gave no sound are forgotten where the decoder was flushed", () => {
  const times = new SoundTimes();
  times.push(0, 0.02);
  times.push(20, 0.02);
  const { position } = times;
  times.push(200_000, 0.02);
  assert.equal(times.take(0.02), 0);
  times.forgetBefore(position);
  assert.equal(times.take(0.02), 200_000);
});

test("a decoder that makes less of its chunks than they last does not fall behind", () => {
  const times = new SoundTimes();
  let last = 0;
  for (let index = 0; index < 1_000; index++) {
    times.push(index * 20, 0.02);
    if (index % 5 !== 0) last = times.take(0.02) ?? Number.NaN;
    times.keepNewest(8);
  }
  assert.ok(999 * 20 - last <= 8 * 20, `${last}`);
});
