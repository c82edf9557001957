import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeFrame, encodeFrame, FRAME_ALIGNMENT, frameBytes } from "./redo-frame.ts";

const frame = fc.record(
  { sequence: fc.maxSafeNat(), payload: fc.uint8Array({ maxLength: 2 * FRAME_ALIGNMENT }) },
  { noNullPrototype: true },
);

test("a frame comes back as it was, from wherever it stands in a file", () => {
  fc.assert(
    fc.property(frame, fc.nat(3), (written, before) => {
      const bytes = encodeFrame(written);
      assert.equal(bytes.byteLength, frameBytes(written.payload.byteLength));
      assert.equal(bytes.byteLength % FRAME_ALIGNMENT, 0);
      const file = new Uint8Array(before * FRAME_ALIGNMENT + bytes.byteLength + 7);
      file.set(bytes, before * FRAME_ALIGNMENT);
      assert.deepEqual(decodeFrame(file, before * FRAME_ALIGNMENT), written);
    }),
  );
});

test("a frame that was modified or truncated is rejected", () => {
  fc.assert(
    fc.property(frame, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, at, by) => {
      const bytes = encodeFrame(written);
      const used = 20 + written.payload.byteLength;
      assert.equal(decodeFrame(bytes.subarray(0, at % used), 0), undefined);
      const index = at % used;
      bytes[index] = (bytes[index] ?? 0) ^ by;
      assert.equal(decodeFrame(bytes, 0), undefined);
    }),
  );
});

test("any bytes at all are a frame or none, without an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(70), (bytes, offset) => {
      assert.equal(decodeFrame(bytes, offset), undefined);
    }),
  );
});
