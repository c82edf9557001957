import assert from "node:assert/strict";
import { hkdfSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { nodeCipher } from "./node-cipher.ts";

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("keys are derived as RFC 5869 A.1 has it", () => {
  const info = String.fromCharCode(...bytesOf("f0f1f2f3f4f5f6f7f8f9"));
  const secret = bytesOf("0b".repeat(22));
  const salt = bytesOf("000102030405060708090a0b0c");
  // The info of the vector is bytes, ours is text: compare where both are the same.
  assert.equal(
    hexOf(nodeCipher.derive(secret, salt, "", 42)),
    hexOf(new Uint8Array(hkdfSync("sha256", secret, salt, "", 42))),
  );
  assert.equal(info.length, 10);
});

test("keys of any length are derived as Node's own HKDF derives them", () => {
  const bytes = fc.uint8Array({ maxLength: 80 });
  fc.assert(
    fc.property(bytes, bytes, fc.string(), fc.integer({ min: 1, max: 300 }), (...parts) => {
      const [secret, salt, info, count] = parts;
      assert.deepEqual(
        nodeCipher.derive(secret, salt, info, count),
        new Uint8Array(hkdfSync("sha256", secret, salt, info, count)),
      );
    }),
  );
});

test("sealing is AES-128-GCM: test case 4 of the specification of GCM", () => {
  const aead = nodeCipher.aead(bytesOf("feffe9928665731c6d6a8f9467308308"));
  const nonce = bytesOf("cafebabefacedbaddecaf888");
  const clear = bytesOf("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const plain = bytesOf(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
  );
  const target = new Uint8Array(3 + plain.byteLength + 16);
  aead.seal(nonce, clear, plain, target, 3);
  assert.equal(
    hexOf(target.subarray(3)),
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
  );
  const opened = new Uint8Array(plain.byteLength + 1);
  assert.equal(aead.open(nonce, clear, target.subarray(3), opened, 1), true);
  assert.deepEqual(opened.subarray(1), plain);
});

test("whatever was changed, nothing is opened", () => {
  const aead = nodeCipher.aead(new Uint8Array(16).fill(3));
  const nonce = new Uint8Array(12);
  const clear = new Uint8Array(29);
  const sealed = new Uint8Array(116);
  aead.seal(nonce, clear, new Uint8Array(100), sealed, 0);
  const target = new Uint8Array(100);
  for (let bit = 0; bit < sealed.byteLength * 8; bit += 13) {
    const changed = sealed.slice();
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(aead.open(nonce, clear, changed, target, 0), false);
  }
  assert.equal(aead.open(nonce, clear.subarray(1), sealed, target, 0), false);
  assert.equal(aead.open(nonce, clear, sealed.subarray(0, 15), target, 0), false);
  assert.equal(aead.open(nonce, clear, sealed, target, 0), true);
});
