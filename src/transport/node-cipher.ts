import { createCipheriv, createDecipheriv, createHmac, createSecretKey } from "node:crypto";
import { type Aead, type Cipher, TAG_BYTES } from "../stack/index.ts";

const HASH_BYTES = 32;
const ALGORITHM = "aes-128-gcm";
const OPTIONS = { authTagLength: TAG_BYTES };

/** {@link Cipher} by OpenSSL. */
export const nodeCipher: Cipher = {
  aead: (key) => new NodeAead(key),
  derive(secret, salt, info, count) {
    // By HMAC (RFC 5869 §2): Node's own HKDF starts a job for each call, which takes several times as long.
    const extracted = createHmac("sha256", salt).update(secret).digest();
    const bytes = new Uint8Array(Math.ceil(count / HASH_BYTES) * HASH_BYTES);
    let previous: Uint8Array = new Uint8Array(0);
    for (let block = 1; (block - 1) * HASH_BYTES < count; block++) {
      previous = createHmac("sha256", extracted)
        .update(previous)
        .update(info)
        .update(Uint8Array.of(block))
        .digest();
      bytes.set(previous, (block - 1) * HASH_BYTES);
    }
    return bytes.slice(0, count);
  },
};

class NodeAead implements Aead {
  readonly #key: ReturnType<typeof createSecretKey>;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  seal(
    nonce: Uint8Array,
    clear: Uint8Array,
    plain: Uint8Array,
    target: Uint8Array,
    at: number,
  ): void {
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, OPTIONS);
    cipher.setAAD(clear);
    target.set(cipher.update(plain), at);
    // A stream mode: nothing is left for the end but the tag.
    cipher.final();
    target.set(cipher.getAuthTag(), at + plain.byteLength);
  }

  open(
    nonce: Uint8Array,
    clear: Uint8Array,
    sealed: Uint8Array,
    target: Uint8Array,
    at: number,
  ): boolean {
    const end = sealed.byteLength - TAG_BYTES;
    if (end < 0) return false;
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, OPTIONS);
    decipher.setAAD(clear);
    decipher.setAuthTag(sealed.subarray(end));
    target.set(decipher.update(sealed.subarray(0, end)), at);
    try {
      decipher.final();
      return true;
    } catch {
      return false;
    }
  }
}
