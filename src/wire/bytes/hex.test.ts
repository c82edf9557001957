import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeHex, encodeHex } from "./hex.ts";

test("what is written is read, and is what Buffer writes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = encodeHex(bytes);
      assert.equal(text, Buffer.from(bytes).toString("hex"));
      assert.deepEqual(decodeHex(text.toUpperCase()), bytes);
    }),
  );
});

test("what is not hex is undefined", () => {
  for (const text of ["0", "abc", "0g", " 00", "0x12", "00\n"]) {
    assert.equal(decodeHex(text), undefined, JSON.stringify(text));
  }
});
