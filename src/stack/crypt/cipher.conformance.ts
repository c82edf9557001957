import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type Aead, type Cipher, TAG_BYTES } from "./cipher.ts";

/** Node's cryptography, used in the plainest way: for the tests of this layer. */
export const testCipher: Cipher = {
  aead: (key): Aead => ({
    seal(nonce, clear, plain, target, at) {
      const cipher = createCipheriv("aes-128-gcm", key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(clear);
      target.set(Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]), at);
    },
    open(nonce, clear, sealed, target, at) {
      const decipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(clear);
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const text = decipher.update(sealed.subarray(0, -TAG_BYTES));
      try {
        decipher.final();
      } catch {
        return false;
      }
      target.set(text, at);
      return true;
    },
  }),
  derive: (secret, salt, info, count) =>
    new Uint8Array(hkdfSync("sha256", secret, salt, info, count)),
};

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What every {@link Cipher} must do: the same as Node's own cryptography, and as the published vectors say. */
export function cipherConformance(name: string, cipher: Cipher): void {
  test(`${name}: keys of any length are derived as Node's own HKDF derives them`, () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(bytes, bytes, fc.string(), fc.integer({ min: 1, max: 300 }), (...parts) => {
        const [secret, salt, info, count] = parts;
        assert.deepEqual(
          cipher.derive(secret, salt, info, count),
          new Uint8Array(hkdfSync("sha256", secret, salt, info, count)),
        );
      }),
    );
  });

  test(`${name}: sealing is AES-128-GCM: test case 4 of the specification of GCM`, () => {
    const aead = cipher.aead(bytesOf("feffe9928665731c6d6a8f9467308308"));
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

  test(`${name}: whatever was changed, nothing is opened`, () => {
    const aead = cipher.aead(new Uint8Array(16).fill(3));
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
}
