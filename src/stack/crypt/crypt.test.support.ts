import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { type Aead, type Cipher, TAG_BYTES } from "./cipher.ts";

/** Node's cryptography, told in the plainest words: what tests of this layer use. */
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
