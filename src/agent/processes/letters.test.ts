import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frameLetter, LetterReader } from "./letters.ts";

test("letters: they come whole and in order, however the stream is cut", () => {
  const letters = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
  fc.assert(
    fc.property(letters, fc.array(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
      const stream = Buffer.concat(sent.map((letter) => frameLetter([letter])));
      const reader = new LetterReader(50);
      const read: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts, stream.byteLength + 1]) {
        read.push(...(reader.take(stream.subarray(at, at + cut)) ?? []));
        at += cut;
      }
      assert.deepEqual(
        read.map((letter) => [...letter]),
        sent.map((letter) => [...letter]),
      );
    }),
  );
});

test("letters: one that would be too large ends the stream", () => {
  assert.equal(new LetterReader(10).take(frameLetter([new Uint8Array(11)])), undefined);
});
