import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countFrames, FrameStreamReader } from "./frame-stream-reader.ts";

const MAX = 500;

test("[N6] however a stream is cut, its frames come whole and in order", () => {
  const lengths = fc.array(fc.integer({ min: 4, max: MAX }), { maxLength: 30 });
  const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(lengths, cuts, (sizes, pieces) => {
      const stream = concat(sizes.map((size, index) => makeFrame(size, index)));
      const { reader, frames, empties } = open();
      for (let at = 0, index = 0; at < stream.byteLength; index++) {
        const end = at + (pieces[index % pieces.length] as number);
        assert.equal(reader.push(stream.slice(at, end)), true);
        at = end;
      }
      assert.deepEqual(
        concat(frames),
        concat(
          sizes.map((size, index) => makeFrame(size, index)).filter((each) => each.length > 4),
        ),
      );
      assert.equal(empties(), sizes.filter((size) => size === 4).length);
    }),
  );
});

test("[N6] what comes in one piece is passed on in one piece, uncopied", () => {
  const { reader, frames } = open();
  const piece = concat([makeFrame(20, 1), makeFrame(30, 2), makeFrame(40, 3).subarray(0, 11)]);
  reader.push(piece);
  assert.equal(frames.length, 1);
  assert.equal(frames[0]?.buffer, piece.buffer);
  assert.equal(frames[0]?.byteLength, 50);
});

test("[N6] a frame that is too long, or shorter than its own length, ends the stream", () => {
  for (const length of [0, 1, 3, MAX + 1, 0xffff_ffff]) {
    for (const isCut of [false, true]) {
      const { reader, frames } = open();
      const bad = new Uint8Array(8);
      new DataView(bad.buffer).setUint32(0, length);
      const stream = concat([makeFrame(20, 1), bad]);
      if (isCut) assert.equal(reader.push(stream.slice(0, 22)), true);
      assert.equal(reader.push(isCut ? stream.slice(22) : stream), false, `${length}`);
      assert.deepEqual(concat(frames), makeFrame(20, 1));
      assert.equal(reader.push(makeFrame(20, 2)), false);
    }
  }
});

test("[N6] the counts that are told are those of the frames", () => {
  let told = 0;
  const reader = new FrameStreamReader(MAX, { frames: (_, count) => (told += count), empty() {} });
  const stream = concat([makeFrame(20, 1), makeFrame(30, 2), makeFrame(40, 3)]);
  for (let at = 0; at < stream.byteLength; at += 45) reader.push(stream.slice(at, at + 45));
  assert.equal(told, 3);
  assert.equal(countFrames(stream, MAX), 3);
});

test("[N15] bytes that frames do not fill exactly are none", () => {
  assert.equal(countFrames(new Uint8Array(), MAX), undefined);
  assert.equal(countFrames(makeFrame(4, 0), MAX), undefined);
  assert.equal(countFrames(makeFrame(20, 0).subarray(0, 19), MAX), undefined);
  assert.equal(countFrames(concat([makeFrame(20, 0), new Uint8Array(3)]), MAX), undefined);
  assert.equal(countFrames(makeFrame(MAX + 1, 0), MAX), undefined);
});

function open(): { reader: FrameStreamReader; frames: Uint8Array[]; empties: () => number } {
  const frames: Uint8Array[] = [];
  let empty = 0;
  const reader = new FrameStreamReader(MAX, {
    frames: (bytes) => void frames.push(bytes),
    empty: () => void empty++,
  });
  return { reader, frames, empties: () => empty };
}

function makeFrame(size: number, id: number): Uint8Array {
  const frame = new Uint8Array(size).fill(id + 1);
  new DataView(frame.buffer).setUint32(0, size);
  return frame;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
