import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase64, encodeBase64 } from "./base64.ts";

test("bytes of any length come back from base64, and the text is what others write", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodeBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64"));
      assert.deepEqual(decodeBase64(text), bytes);
    }),
  );
  const large = new Uint8Array(100_000).map((_, index) => index);
  assert.deepEqual(decodeBase64(encodeBase64(large)), large);
});

test("text that is not base64 is reported, not thrown", () => {
  for (const text of ["=", "a", "a b!", "ä"]) assert.equal(decodeBase64(text), undefined, text);
});
