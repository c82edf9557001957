import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitLines } from "./split-lines.ts";

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  // One buffer for all, as a reader of a pipe may use.
  const shared = new Uint8Array(64);
  for (let at = 0, index = 0; at < bytes.byteLength; index++) {
    const piece = bytes.subarray(at, at + (sizes[index % sizes.length] ?? 1));
    shared.set(piece);
    yield shared.subarray(0, piece.byteLength);
    at += piece.byteLength;
  }
}

async function linesOf(bytes: Uint8Array, sizes: readonly number[], most = 1_000) {
  const lines: (number[] | string)[] = [];
  for await (const line of splitLines(inPieces(bytes, sizes), most)) {
    lines.push(line instanceof Uint8Array ? [...line] : `${line.byteLength} bytes`);
  }
  return lines;
}

const latin = (text: string): Uint8Array => Buffer.from(text, "latin1");

test("any bytes are the same lines, however they are cut", async () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => each.map((byte) => byte % 14));
  const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(bytes, sizes, async (each, pieces) => {
      const text = Buffer.from(each).toString("latin1");
      const expected = text.split("\n");
      const last = expected.pop() as string;
      const lines = expected.map((line) => line.replace(/\r$/, ""));
      if (last !== "") lines.push(last);
      assert.deepEqual(
        await linesOf(each, pieces),
        lines.map((line) => [...latin(line)]),
      );
    }),
    { seed: 41 },
  );
});

test("a line that is too long is named, and those around it come", async () => {
  const text = latin(`ab\n${"x".repeat(11)}\r\n${"y".repeat(10)}\r\n${"z".repeat(10)}\nc`);
  for (const size of [1, 3, 64]) {
    assert.deepEqual(await linesOf(text, [size], 10), [
      [97, 98],
      "11 bytes",
      [...latin("y".repeat(10))],
      [...latin("z".repeat(10))],
      [99],
    ]);
  }
});
